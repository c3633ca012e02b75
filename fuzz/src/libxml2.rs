//! libxml2, called directly: whether it takes a document, and the exclusive canonical form it gives to it.

use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr;

#[link(name = "xml2")]
unsafe extern "C" {
    fn xmlReadMemory(
        buffer: *const c_char,
        size: c_int,
        url: *const c_char,
        encoding: *const c_char,
        options: c_int,
    ) -> *mut c_void;
    fn xmlGetIntSubset(document: *mut c_void) -> *mut c_void;
    fn xmlC14NDocDumpMemory(
        document: *mut c_void,
        nodes: *mut c_void,
        mode: c_int,
        prefixes: *mut *mut c_char,
        with_comments: c_int,
        out: *mut *mut c_char,
    ) -> c_int;
    fn xmlFreeDoc(document: *mut c_void);
    fn xmlSetGenericErrorFunc(context: *mut c_void, handler: Option<unsafe extern "C" fn()>);
    fn free(pointer: *mut c_void);
}

/// NOERROR, NOWARNING, NONET; no recovery.
const OPTIONS: c_int = 1 << 5 | 1 << 6 | 1 << 11;
const EXCLUSIVE: c_int = 1;

unsafe extern "C" fn silent() {}

/// A document as libxml2 has it.
pub struct Document(*mut c_void);

impl Document {
    /// `None` when it is not well-formed to libxml2.
    pub fn parse(octets: &[u8]) -> Option<Self> {
        let size = c_int::try_from(octets.len()).ok()?;
        // SAFETY: the buffer is as long as is said, and read during the call only. The handler takes no argument that
        // it could misread.
        let document = unsafe {
            xmlSetGenericErrorFunc(ptr::null_mut(), Some(silent));
            xmlReadMemory(octets.as_ptr().cast(), size, ptr::null(), ptr::null(), OPTIONS)
        };
        (!document.is_null()).then_some(Self(document))
    }

    /// Whether it has a document type.
    pub fn has_doctype(&self) -> bool {
        // SAFETY: the document lives.
        unsafe { !xmlGetIntSubset(self.0).is_null() }
    }

    /// The exclusive canonical form without comments of the whole; `None` when there is none.
    pub fn canonical(&self, prefixes: &[&str]) -> Option<String> {
        let owned: Vec<CString> =
            prefixes.iter().map(|prefix| CString::new(*prefix).expect("no NUL")).collect();
        let mut pointers: Vec<*mut c_char> = owned.iter().map(|prefix| prefix.as_ptr().cast_mut()).collect();
        pointers.push(ptr::null_mut());
        let mut out: *mut c_char = ptr::null_mut();
        // SAFETY: the list of prefixes ends with a null and outlives the call; `out` is filled with a buffer of the
        // length that is answered, from malloc, and freed here once.
        unsafe {
            let size = xmlC14NDocDumpMemory(
                self.0,
                ptr::null_mut(),
                EXCLUSIVE,
                pointers.as_mut_ptr(),
                0,
                &raw mut out,
            );
            let text = usize::try_from(size).ok().map(|size| {
                String::from_utf8(std::slice::from_raw_parts(out.cast::<u8>(), size).to_vec()).expect("UTF-8")
            });
            if !out.is_null() {
                free(out.cast());
            }
            text
        }
    }
}

impl Drop for Document {
    fn drop(&mut self) {
        // SAFETY: it was made by `parse` and is not used any more.
        unsafe { xmlFreeDoc(self.0) }
    }
}
