/* Submits the one form of the page that carries a SAML message (SAML-217). Its button does the same without JavaScript. */
document.getElementById("saml").submit();
