"""A server by OpenSSL's own QUIC (3.5 and later): quic.py PORT CERTIFICATE KEY.

To each connection that says something it answers once: `full` or `resumed`, and `displaced` if its context has session
callbacks, which it has set none of.
"""

import ctypes
import socket
import sys

tls = ctypes.CDLL("libssl.so.3")
pointer, byte, size, flags = ctypes.c_void_p, ctypes.c_ubyte, ctypes.c_size_t, ctypes.c_uint64


def made(name, *arguments):
    function = getattr(tls, name)
    function.restype = pointer
    return pointer(function(*arguments))


@ctypes.CFUNCTYPE(ctypes.c_int, pointer, pointer, pointer, pointer, ctypes.c_uint, pointer)
def first(_ssl, chosen, length, offered, _offered_length, _argument):
    """Of application protocols, without one of which there is no QUIC, the first: its length, then its name."""
    ctypes.cast(chosen, ctypes.POINTER(pointer))[0] = offered + 1
    ctypes.cast(length, ctypes.POINTER(byte))[0] = ctypes.cast(offered, ctypes.POINTER(byte))[0]
    return 0


port, certificate, key = int(sys.argv[1]), *map(str.encode, sys.argv[2:])
context = made("SSL_CTX_new", made("OSSL_QUIC_server_method"))
assert tls.SSL_CTX_use_certificate_chain_file(context, certificate) == 1
assert tls.SSL_CTX_use_PrivateKey_file(context, key, 1) == 1
tls.SSL_CTX_set_alpn_select_cb(context, first, None)
listener = made("SSL_new_listener", context, flags(0))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", port))
assert tls.SSL_set_fd(listener, udp.fileno()) == 1
assert tls.SSL_listen(listener) == 1
# Whoever started it waits for this port to be taken in TCP, too.
tcp = socket.create_server(("127.0.0.1", port))
kept = []
while connection := made("SSL_accept_connection", listener, flags(0)):
    kept.append(connection)
    done, said = size(), ctypes.create_string_buffer(100)
    if tls.SSL_read_ex(connection, said, size(100), ctypes.byref(done)) == 1:
        answer = b"resumed" if tls.SSL_session_reused(connection) == 1 else b"full"
        if any(made(f"SSL_CTX_sess_get_{which}_cb", context) for which in ("new", "get", "remove")):
            answer += b" displaced"
        answer += b"\n"
        tls.SSL_write_ex(connection, answer, size(len(answer)), ctypes.byref(done))
