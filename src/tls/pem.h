/**
 * pem: certificates and keys out of files, with every mistake named.
 *
 * Mistakes and warnings are lines (with LF) that begin with the file's name.
 *   thread   any          cost   reads a disk
 */
#ifndef TLS_PEM_H
#define TLS_PEM_H

#include <gnutls/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum { PEM_FILE_MAX = 1 << 20 };

struct pem_certs {
    gnutls_x509_crt_t *at;
    unsigned n;
};

/* text: in place of what is in the file, or NULL.
 * The certificates of a file: at least one.  returns  false: see errors; ret is empty */
bool pem_certs_read(const char *path, const char *text, struct pem_certs *ret, struct buf *errors);
void pem_certs_release(struct pem_certs *c);

/* The key of a file.  returns  false: see errors; ret is untouched */
bool pem_key_read(const char *path, const char *text, gnutls_x509_privkey_t *ret,
                  struct buf *errors, struct buf *warnings);

/* Warn when the certificate is out of date at `now` (unix seconds). */
void pem_cert_warn(const char *path, gnutls_x509_crt_t crt, int64_t now, struct buf *warnings);

/* Is key the one of certs' first certificate?  returns  false: see errors */
bool pem_pair_check(const char *cert_path, const struct pem_certs *certs, const char *key_path,
                    gnutls_x509_privkey_t key, struct buf *errors);

#endif
