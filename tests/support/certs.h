/**
 * certs: certificates for tests, made on the spot.
 *
 *     struct cert ca = cert_make(&(struct cert_spec){ .name = "CA", .is_ca = true });
 *     struct cert one = cert_make(&(struct cert_spec){ .name = "one", .signer = &ca });
 *     certs_write(path, &one, 1);  cert_key_write(path, &one);  cert_release(&one);
 *
 * Any failure ends the test.
 */
#ifndef SUPPORT_CERTS_H
#define SUPPORT_CERTS_H

#include <gnutls/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cert {
    gnutls_x509_crt_t crt;
    gnutls_x509_privkey_t key;
};

struct cert_spec {
    const char *name;                    /* its common name */
    const char *dns, *email, *ip4, *uri; /* alternative names */
    const struct cert *signer;           /* NULL: itself */
    bool is_ca;
    int64_t from, until; /* unix seconds; 0: from an hour ago, for a day */
    unsigned rsa_bits;   /* 0: an ECDSA key on P-256 */
    bool for_clients;    /* its extended key usage is client authentication, and nothing else */
};

struct cert cert_make(const struct cert_spec *spec);
void cert_release(struct cert *c);

/* Write n certificates to one file, in their order. */
void certs_write(const char *path, const struct cert *c, size_t n);
void cert_key_write(const char *path, const struct cert *c); /* mode 0600 */

/* One of that name, as spec says: NAME.pem and NAME.key in the working directory. */
void certs_write_pair(const char *name, struct cert_spec spec);
void text_write(const char *path, const char *text);

void certs_dir_enter(void); /* make a directory below /tmp, and go there */
void certs_dir_leave(void); /* remove it and all that is in it */

#endif
