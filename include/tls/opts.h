/**
 * opts: the files and the rules of a bundle.
 *
 * In place of a file its text may be given, as NUL-terminated PEM; cert_file and its like are then
 * what messages call it, and nobody looks whether it changed.
 *   thread   any; strings and lists are the caller's
 */
#ifndef TLS_OPTS_H
#define TLS_OPTS_H

#include <stdbool.h>
#include <stddef.h>

enum tls_side { TLS_SERVER, TLS_CLIENT };
enum tls_version { TLS_DEFAULT_VERSION, TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3 };

/* What a server wants of a client's certificate.  The last two need a CA file. */
enum tls_client_auth {
    TLS_CLIENT_NONE,            /* it is not asked for */
    TLS_CLIENT_REQUEST,         /* asked for; none, or any, is fine */
    TLS_CLIENT_REQUIRE_ANY,     /* there has to be one; any is fine */
    TLS_CLIENT_VERIFY_IF_GIVEN, /* none is fine; one has to be signed by a CA of the file */
    TLS_CLIENT_REQUIRE_VERIFY,  /* there has to be one, signed by a CA of the file */
};

/* { .cert_file, .key_file } is a server for everybody, with safe versions and ciphers. */
struct tls_opts {
    enum tls_side side;
    const char *cert_file; /* PEM, the own certificate first, then those that signed it */
    const char *key_file;  /* PEM; a client may leave out both */
    /* PEM.  Server: the CAs of its clients.  Client: those of servers; NULL: the system's. */
    const char *ca_file;
    const char *cert_pem, *key_pem, *ca_pem; /* NULL: the files are read */
    enum tls_client_auth client_auth;        /* server */
    const char *const *allowed_sans;         /* server: a client's certificate has to have one of */
    size_t n_allowed_sans;                   /* these names (DNS, e-mail, IP, URI); 0: any */
    enum tls_version min_version;            /* default: 1.2 */
    enum tls_version max_version;            /* default: 1.3 */
    const char *const *ciphers;              /* names as in tls/priority.h; 0: AES-GCM, ChaCha20 */
    size_t n_ciphers;
    const char *const *curves; /* names as in tls/priority.h; 0: X25519, P-256, P-384 */
    size_t n_curves;
    bool client_preference; /* the client's order of ciphers counts, not the server's */
};

#endif
