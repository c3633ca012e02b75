"""libxml2 as an oracle: one process that answers line by line what it makes of a document.

    canonical DOC PREFIXES   exclusive canonical form without comments of the whole document
    subtree DOC PREFIXES     the same of the one element that carries mark="apex"
    texts DOC NAME           string values of the elements of this local name
    values DOC NAME          the same of the attributes of this local name

Every argument and answer is base64; the answer is "error" where libxml2 refuses. The library that xmlsec1 itself is
built on is called directly, so that nothing has to be installed for it.
"""

import base64
import ctypes
import ctypes.util
import sys

xml = ctypes.CDLL(ctypes.util.find_library("xml2"))
P = ctypes.c_void_p
xml.xmlReadMemory.restype = P
xml.xmlReadMemory.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int]
xml.xmlFreeDoc.argtypes = [P]
xml.xmlC14NDocDumpMemory.argtypes = [P, P, ctypes.c_int, P, ctypes.c_int, ctypes.POINTER(P)]
xml.xmlXPathNewContext.restype = P
xml.xmlXPathNewContext.argtypes = [P]
xml.xmlXPathFreeContext.argtypes = [P]
xml.xmlXPathEvalExpression.restype = P
xml.xmlXPathEvalExpression.argtypes = [ctypes.c_char_p, P]
xml.xmlXPathFreeObject.argtypes = [P]
xml.xmlXPathCastNodeToString.restype = P
xml.xmlXPathCastNodeToString.argtypes = [P]
free = ctypes.CFUNCTYPE(None, P).in_dll(xml, "xmlFree")

EXCLUSIVE = 1
# NOERROR, NOWARNING, NONET; no recovery.
OPTIONS = 1 << 5 | 1 << 6 | 1 << 11
APEX = b"//*[@mark='apex']/descendant-or-self::"
MARKED = APEX + b"node() | " + APEX + b"*/@* | " + APEX + b"*/namespace::*"


class NodeSet(ctypes.Structure):
    _fields_ = [("count", ctypes.c_int), ("room", ctypes.c_int), ("nodes", ctypes.POINTER(P))]


class Object(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_int), ("nodes", ctypes.POINTER(NodeSet))]


def quiet(_context, _message):
    pass


QUIET = ctypes.CFUNCTYPE(None, P, ctypes.c_char_p)(quiet)
xml.xmlSetGenericErrorFunc(None, QUIET)


def taken(pointer):
    text = ctypes.string_at(pointer)
    free(pointer)
    return text


def canonical(document, nodes, prefixes):
    listed = [prefix.encode() for prefix in prefixes.decode().split()]
    array = (ctypes.c_char_p * (len(listed) + 1))(*listed, None)
    out = P()
    size = xml.xmlC14NDocDumpMemory(
        document, nodes, EXCLUSIVE, ctypes.cast(array, P), 0, ctypes.byref(out)
    )
    if size < 0:
        return None
    text = ctypes.string_at(out, size)
    free(out)
    return text


def selected(document, expression, use):
    context = xml.xmlXPathNewContext(document)
    found = xml.xmlXPathEvalExpression(expression, context)
    try:
        return use(ctypes.cast(found, ctypes.POINTER(Object)).contents.nodes)
    finally:
        xml.xmlXPathFreeObject(found)
        xml.xmlXPathFreeContext(context)


def strings(nodes):
    if not nodes:
        return b"\0"
    listed = nodes.contents
    return b"\0".join(taken(xml.xmlXPathCastNodeToString(listed.nodes[n])) for n in range(listed.count)) + b"\0"


def answer(operation, octets, argument):
    document = xml.xmlReadMemory(octets, len(octets), None, None, OPTIONS)
    if not document:
        return None
    try:
        if operation == "canonical":
            return canonical(document, None, argument)
        if operation == "subtree":
            return selected(document, MARKED, lambda nodes: canonical(document, nodes, argument))
        kind = b"//@*" if operation == "values" else b"//*"
        return selected(document, kind + b"[local-name()='" + argument + b"']", strings)
    finally:
        xml.xmlFreeDoc(document)


for line in sys.stdin:
    operation, octets, argument = line.rstrip("\n").split(" ")
    said = answer(operation, base64.b64decode(octets), base64.b64decode(argument))
    print("error" if said is None else base64.b64encode(said).decode(), flush=True)
