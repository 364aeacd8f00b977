/**
 * tls_bundle: what a TLS session goes by: a certificate with its key, the CAs that sign the other
 * side's certificates, protocol versions and ciphers.  Never changes once it is loaded.
 *
 * Sessions hold a reference each, so a connection keeps the bundle that it began with, while new
 * ones get the one that was loaded since (tls/store.h).
 *
 *   thread   any.  The count of references is atomic, so that the thread that ends a connection may
 *            drop what another one took when it accepted it
 */
#ifndef TLS_BUNDLE_H
#define TLS_BUNDLE_H

#include <stdint.h>

#include "base/buf.h"
#include "tls/opts.h"

struct tls_bundle;

/**
 * tls_bundle_load(o, now, ret, errors, warnings):
 * Read and check the files.
 *   now       unix time in seconds: certificates that are out of date are warned of
 *   errors    on failure gets what is wrong and the remedy, for people: a line (with LF) for each
 *             mistake, which begins with the file's name
 *   warnings  gets lines of the same form, also on success
 *   returns   0, and *ret has one reference; -EINVAL with ret untouched
 *   cost      reads a disk, some milliseconds with an RSA key: for the control thread
 */
int tls_bundle_load(const struct tls_opts *o, int64_t now, struct tls_bundle **ret,
                    struct buf *errors, struct buf *warnings);

/* returns  b, with one reference more */
struct tls_bundle *tls_bundle_ref(struct tls_bundle *b);

/* One reference less; the last one frees it.  b may be NULL. */
void tls_bundle_drop(struct tls_bundle *b);

/* Unix seconds after which the own certificate is out of date; 0: there is none. */
int64_t tls_bundle_expires(const struct tls_bundle *b);

#endif
