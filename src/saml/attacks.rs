//! A manual, no code: the classes of flaws that were found in SAML identity providers and their libraries since 2015,
//! and why each can't happen here. For each class: what it was and where it was seen, what of ours makes it
//! impossible, and the tests that hold it. `docs/conformance.md` lists the tests by requirement.
//!
//! What all of it rests on: a message goes through stages that are types ([`Message`] → [`Trusted`]), and there is no
//! way from octets to the last one but through every check. What comes in is parsed once and read from that tree;
//! what goes out is written once and never opened again.
//!
//! # Signature wrapping
//! *Seen:* a genuine signature over one element, and another element that is read. Libraries that verify *a* signature
//! and then look for the message by name, by `XPath` or by ID fall for it: CVE-2022-41912 (crewjam/saml), CVE-2025-29774
//! and CVE-2025-29775 (xml-crypto), CVE-2025-66567 (ruby-saml). Whoever gets any XML signed with the identity provider's
//! key has the raw material, be it metadata or an error message (CVE-2024-6800).
//!
//! *Here:* [`verify_root`] takes one Signature in the whole document, as a child of the root, with one reference, to
//! the root's own ID; [`check_ids`] refuses two equal IDs and IDs by any other name before. Its answer is a
//! [`Verified`], which only the verifier can make, and [`receive()`] reads the request from the element in it.
//! Nobody anonymous gets XML under an assertion key: [`ErrorResponse::write`] is given no signer where nobody is signed in,
//! and metadata is signed, if at all, by a key for it alone. What a service provider gets without a session, a
//! LogoutResponse or an `ArtifactResponse`, answers one request that it has signed itself, once.
//!
//! *Held by:* `a_02_saml_105_every_wrapping_of_a_signed_authn_request_is_refused`,
//! `a_02_saml_105_every_wrapping_of_a_signed_logout_request_is_refused`,
//! `a_02_a_04_what_is_accepted_after_mutation_says_what_was_signed`, `saml_209_nobody_anonymous_gets_signed_xml`.
//!
//! # A verifier that fails and leaves something behind
//! *Seen:* a verifier that throws after it has stored what it verified so far, and a caller that goes on
//! (node-saml/xml-crypto, issue 575).
//!
//! *Here:* a failure is the `Err` of a function that has no other output. There is no object to ask afterwards.
//!
//! *Held by:* `a_03_a_verifier_that_refuses_hands_nothing_out`.
//!
//! # Two parsers
//! *Seen:* one parser for the signature, another for the content, and a document in which they see different things:
//! CVE-2025-25291 and CVE-2025-25292 (ruby-saml, with REXML and Nokogiri), CVE-2025-23369. The same by one parser over
//! text that was serialised in between.
//!
//! *Here:* a [`Source`] gives one tree, which verification and reading share; nothing is serialised to be parsed again.
//! Against the parser's own faults a scan goes before it that refuses more than the parser does, and libxml2 is asked
//! as a second opinion by the tests and while fuzzing.
//!
//! *Held by:* `a_04_what_another_parser_refuses_or_reads_otherwise_we_do_not_accept`,
//! `a_04_f_03_canonical_forms_are_those_of_libxml2_to_the_byte`, the fuzz targets `xml_parse` and `c14n`.
//!
//! # Text cut by a comment
//! *Seen:* `admin@example.com<!---->.evil.example` has a canonical form without the comment, so that the signature
//! holds, and a first text node that is somebody else (CVE-2017-11428; authentik, CVE-2026-40165 and, once more,
//! CVE-2026-57580).
//!
//! *Here:* [`plain_text`] is the one way to read text. It refuses an element that holds anything but one text, so there is
//! no part of a value that could be taken for the whole.
//!
//! *Held by:* `a_05_an_issuer_that_is_cut_anywhere_is_refused`, `a_05_a_signed_name_id_that_is_cut_is_never_read_in_part`,
//! `a_05_comments_put_into_a_signed_message_afterwards_gain_nothing`.
//!
//! # Canonicalisation that fails to nothing
//! *Seen:* a canonicaliser that answers an empty string where it should fail, and a digest over nothing that anybody can
//! compute (CVE-2025-66568, ruby-saml).
//!
//! *Here:* [`c14n::exclusive`] answers a `Result`; what has no certain form, such as a relative namespace, is an error,
//! and its output always begins with the element it was asked for.
//!
//! *Held by:* `a_06_what_has_no_canonical_form_is_an_error`, `a_06_what_libxml2_can_not_canonicalise_we_refuse`,
//! `a_12_saml_105_values_cut_short_emptied_or_filled_up_are_refused`.
//!
//! # Document types, entities, and anything else that is fetched
//! *Seen:* files and addresses read by way of external entities (CVE-2024-52596); references, transforms and keys by
//! URL that a general XML-security library follows before it knows who sends them (Shibboleth's advisory of December
//! 2022).
//!
//! *Here:* [`Source::new`] refuses `<!` for anything but comments and CDATA before the parser runs, entities but the five,
//! and octets that are not UTF-8. A Signature that refers to anything but the root is refused by its shape, and KeyInfo is
//! passed over unread. This room has no I/O to fetch with: `tests/architecture.rs` holds it to that.
//!
//! *Held by:* `saml_102_a_07_no_document_type_passes_in_any_disguise`, `saml_102_other_encodings_hide_nothing`,
//! `a_07_nothing_that_a_message_refers_to_is_fetched`.
//!
//! # Bombs
//! *Seen:* a small message that inflates to gigabytes (CVE-2026-2575 in Keycloak, CVE-2026-40988 in Spring,
//! CVE-2025-25293 in ruby-saml); XML that costs the square of its size in attributes or namespaces (RUSTSEC-2026-0194
//! and -0195 in quick-xml); `XPath` and XSLT in a signature that compute for as long as the sender likes (CVE-2026-49289);
//! a time with a million digits (SimpleSAMLphp's advisory 201801-01).
//!
//! *Here:* [`decode_redirect`] inflates into a buffer that ends at [`MAX_INFLATED`] and at a hundred times what came in.
//! [`Limits`] bound depth, elements, attributes, namespaces and text in one linear pass. The transforms are two, both
//! ours. A stranger's signature costs the canonical form of its SignedInfo and one verification for each of ten keys at
//! most; the content is only canonicalised under a value that fits.
//!
//! *Held by:* `a_08_bombs_of_every_make_stop_at_the_cap`, `a_08_two_hundred_bombs_take_little_memory`,
//! `a_09_a_10_xml_that_is_costly_by_its_shape_is_refused_or_read_in_no_time`,
//! `a_09_a_stranger_makes_us_canonicalise_nothing_but_signed_info`, `saml_111_times_are_utc_and_bounded`.
//!
//! # Inputs that end the process
//! *Seen:* a malformed message that kills a worker (authentik, GHSA-cxwx-9x59-28qm); recursion without a bound.
//!
//! *Here:* no `unsafe`, no `unwrap` outside tests, and recursion below the depth that the scan allows. Should a handler
//! panic all the same, the answer is 500 and the process goes on.
//!
//! *Held by:* `a_10_mutilated_messages_never_panic`, `a_10_broken_documents_are_refused_without_panic`, every fuzz target.
//!
//! # User data that becomes mark-up
//! *Seen:* assertions put together as text, in which a display name closes its element and adds a role
//! (samlify, GHSA-34r5-q4jw-r36m).
//!
//! *Here:* [`Writer`] takes names as literals and values as data; there is no call that writes a value unescaped. A
//! character that XML can't carry makes the whole Response fail ([`WriteError`]), it is not left out.
//!
//! *Held by:* `a_11_saml_212_every_awkward_value_comes_back_from_libxml2_under_a_signature_of_xmlsec1`,
//! `a_11_every_character_that_xml_has_comes_back`, `a_11_what_xml_can_not_carry_makes_no_response`, the fuzz target
//! `issue_assertion`.
//!
//! # Confused algorithms and keys
//! *Seen:* HMAC keyed with the public certificate; SHA-1 as the silent fallback; the certificate in the message trusted
//! because it is there (CVE-2018-7644; Casdoor, CVE-2026-9090).
//!
//! *Here:* [`SignatureAlgorithm::from_uri`] knows its URIs to the letter, and there is none for SHA-1, MD5 or HMAC. A
//! [`VerificationKey`] comes from what is registered only, and knows which algorithms fit it. Keys are used through
//! OpenSSL; the `rsa` crate, whose private operations leak by timing (RUSTSEC-2023-0071), is banned from the build.
//!
//! *Held by:* `a_12_alg_402_hmac_under_anything_public_is_refused_in_both_bindings`,
//! `a_12_alg_402_weak_and_unknown_algorithms_are_refused_however_well_they_are_signed`,
//! `alg_403_a_12_a_key_verifies_only_by_the_algorithms_of_its_kind`, `a_12_md_305_what_key_info_says_is_never_looked_at`,
//! `alg_406_a_50_the_lock_file_holds_nothing_banned_and_nothing_from_elsewhere`.
//!
//! # Signed queries that are read otherwise than they were signed
//! *Seen:* a signature over one parameter and a message in another that came beside it (CVE-2025-27773,
//! SimpleSAMLphp; Shibboleth's advisory of 13 March 2025).
//!
//! *Here:* [`decode_redirect`] reads the query once: a parameter of ours that comes twice or by another spelling, or beside
//! a response or an artifact, ends it. The message and the octets that are verified come from that one reading
//! ([`verify_redirect_signature`]).
//!
//! *Held by:* `saml_104_a_parameter_twice_is_refused_under_every_spelling_and_at_every_place`,
//! `saml_104_no_part_of_a_signed_query_can_be_left_out_moved_or_exchanged`,
//! `saml_104_a_response_or_an_artifact_beside_the_request_is_refused`.
//!
//! # Answers lured elsewhere
//! *Seen:* an ACS that is compared by prefix, by host or after normalising, so that a signed assertion leaves for the
//! attacker's address (described for identity providers in 2015; authentik, CVE-2026-41569); metadata whose endpoint is
//! a `javascript:` URL (crewjam/saml, CVE-2023-45683).
//!
//! *Here:* [`receive()`] compares to the letter with what is registered, and a [`Trusted`] hands out the registered text.
//! What is registered is a [`Location`], which can be nothing but a plain http or https URL.
//!
//! *Held by:* `a_01_saml_113_near_misses_of_the_acs_are_refused`, `a_01_no_answer_goes_to_an_address_that_is_not_registered`,
//! `md_303_locations_are_https_without_tricks`, the fuzz target `acs_match`.
//!
//! # Trust that is missing and so fails open
//! *Seen:* a certificate that is not there, or has no `use`, and a check that is skipped for want of a key
//! (CVE-2026-28323; Keycloak, CVE-2026-16443).
//!
//! *Here:* a signature without a key is refused ([`Reason::SignatureKeyUnknown`]), a required one without a key too
//! ([`Reason::RequiredKeyMissing`]), and settings that would come to that can't be saved. A key without `use` is for both
//! ([`KeyUse::Both`]).
//!
//! *Held by:* `a_13_required_signatures_without_a_key_fail_closed`, `saml_107_a_13_what_would_fail_open_can_not_be_saved`,
//! `md_304_saml_107_a_key_without_use_verifies_and_its_absence_of_use_turns_nothing_off`.
//!
//! # Disabled, and yet working
//! *Seen:* a disabled application that finishes a sign-on begun at the identity provider (Keycloak, CVE-2026-3047), access
//! decided at the beginning and not at the end (authentik, CVE-2025-53942).
//!
//! *Here:* this room decides none of it. In `signon` only `authorise` makes an `Authorized`, without which nothing is
//! issued, and it reads application, person and bindings as they are at that instant, on whichever node.
//!
//! *Held by:* `a_14_off_means_off_at_every_step`, `av_05_a_14_off_on_one_node_is_off_on_the_other_at_every_step`,
//! `saml_129_access_taken_away_at_the_sign_in_page_is_gone_when_the_form_is_sent`.
//!
//! # A way in beside the door
//! *Seen:* clients without a browser whose sign-in leaves out what the page for people demands (Keycloak, CVE-2021-3827:
//! second factors by ECP).
//!
//! *Here:* such clients are off until somebody wants them. The request passes the same [`receive()`], which answers them at
//! addresses for them alone; the sign-in is the one function that people sign in by, with its slowing down; application,
//! request and access are judged once the password is right. There is no second factor yet that could be left out: when
//! there is, who has one is refused here.
//!
//! *Held by:* `ecp_610_the_doors_are_the_same_as_for_browsers`, `ecp_610_guessing_is_slowed_down_like_anywhere`,
//! `ecp_610_saml_129_access_is_decided_once_the_password_is_right`,
//! `ecp_610_a_client_is_answered_at_an_address_for_clients_and_a_browser_at_one_for_browsers`.
//!
//! # Replay, and assertions that are good elsewhere
//! *Seen:* one request or token used twice, or by two at once (ZITADEL, CVE-2025-46815); assertions without an audience,
//! which another application takes (Casdoor, CVE-2026-9093).
//!
//! *Here:* the ID of a signed request is stored in the transaction that takes it, so that memory, restarts and other nodes
//! make no difference. [`ResponseInput`] has no way to leave out audience, recipient or end, and five minutes are the
//! longest ([`Lifetimes`]). Each application has a key and an entity ID of its own.
//!
//! *Held by:* `av_05_saml_131_a_15_a_signed_request_is_taken_once_before_and_after_a_restart`,
//! `av_05_a_15_of_50_who_answer_one_request_on_two_nodes_one_does`,
//! `saml_204_each_response_is_for_one_service_provider_and_another_refuses_it`.
//!
//! # State poisoned or flooded before anybody signs in
//! *Seen:* anonymous requests that write into memory shared by all (`OpenAM`, CVE-2025-8662).
//!
//! *Here:* a request waits under a handle of its own that counts with its browser's cookie alone, bounded for each
//! network, and expires. Nothing of it is read before it is parsed and checked again.
//!
//! *Held by:* `a_17_what_one_network_parks_is_bounded_and_harms_no_other`,
//! `decision_2_resume_judges_again_all_but_age_and_destination`.
//!
//! # Keys that are stolen, or were never ours alone
//! *Seen:* "golden SAML", the signing key taken from the server's store (described in 2017); "silver SAML", a key made
//! elsewhere of which somebody kept a copy.
//!
//! *Here:* a key is sealed under a master key that the database does not hold, belongs to one application, and leaves by no
//! door; this room sees a [`Signer`] and no key. Keys made elsewhere are refused unless an owner allows them.
//!
//! *Held by:* `a_18_neither_disk_nor_api_nor_page_holds_a_private_key`,
//! `a_18_sealed_values_open_only_in_their_own_row_and_under_their_own_key`,
//! `a_19_a_key_made_elsewhere_is_taken_only_where_an_owner_allows_it`.
//!
//! [`Message`]: crate::saml::Message
//! [`Trusted`]: crate::saml::Trusted
//! [`verify_root`]: crate::saml::dsig::verify_root
//! [`check_ids`]: crate::saml::xml::reader::check_ids
//! [`Verified`]: crate::saml::dsig::Verified
//! [`receive()`]: crate::saml::receive()
//! [`ErrorResponse::write`]: crate::saml::ErrorResponse::write
//! [`Source`]: crate::saml::xml::reader::Source
//! [`Source::new`]: crate::saml::xml::reader::Source::new
//! [`plain_text`]: crate::saml::xml::reader::plain_text
//! [`c14n::exclusive`]: crate::saml::xml::c14n::exclusive
//! [`decode_redirect`]: crate::saml::decode_redirect
//! [`MAX_INFLATED`]: crate::saml::binding::MAX_INFLATED
//! [`Limits`]: crate::saml::xml::Limits
//! [`Writer`]: crate::saml::xml::writer::Writer
//! [`WriteError`]: crate::saml::WriteError
//! [`SignatureAlgorithm::from_uri`]: crate::saml::SignatureAlgorithm::from_uri
//! [`VerificationKey`]: crate::saml::VerificationKey
//! [`verify_redirect_signature`]: crate::saml::verify_redirect_signature
//! [`Location`]: crate::saml::Location
//! [`Reason::SignatureKeyUnknown`]: crate::saml::Reason::SignatureKeyUnknown
//! [`Reason::RequiredKeyMissing`]: crate::saml::Reason::RequiredKeyMissing
//! [`KeyUse::Both`]: crate::saml::metadata::KeyUse::Both
//! [`ResponseInput`]: crate::saml::ResponseInput
//! [`Lifetimes`]: crate::saml::Lifetimes
//! [`Signer`]: crate::saml::Signer
