/**
 * tls_store: the bundle that new connections get, loaded again when its files change.
 *
 *     tls_store_open -> tls_store_current for each connection, tls_store_look once a second
 *
 * Files that do not load leave the last good bundle in force.  Certificates are renewed by
 * replacing two files one after the other; therefore a change is loaded when the files are the
 * same at two looks in a row, and a key that does not match yet is no mistake.
 *
 *   thread   one (control).  To use a bundle on another thread, take a reference and hand that over
 */
#ifndef TLS_STORE_H
#define TLS_STORE_H

#include <stdint.h>

#include "tls/bundle.h"

enum tls_loaded {
    TLS_UNCHANGED, /* nothing was loaded */
    TLS_LOADED,    /* there is a new bundle */
    TLS_NOT_LOADED /* the files are wrong, the old bundle stays */
};

struct tls_reloads {
    uint64_t ok, failed; /* not counting tls_store_open */
};

struct tls_store;

/* As tls_bundle_load; o is copied.  ret is for tls_store_free. */
int tls_store_open(const struct tls_opts *o, int64_t now, struct tls_store **ret,
                   struct buf *errors, struct buf *warnings);

/* The current bundle, borrowed until the next reload or look: tls_bundle_ref to keep it. */
struct tls_bundle *tls_store_current(const struct tls_store *s);

/* Load now, changed or not.  errors and warnings as for tls_bundle_load; never TLS_UNCHANGED. */
enum tls_loaded tls_store_reload(struct tls_store *s, int64_t now, struct buf *errors,
                                 struct buf *warnings);

/**
 * tls_store_look(s, now, errors, warnings):
 * Load if a file is another one than when the store loaded last (also when that failed), by inode,
 * size and times, and is the same as at the look before this one.
 *   cost   a stat for each file
 */
enum tls_loaded tls_store_look(struct tls_store *s, int64_t now, struct buf *errors,
                               struct buf *warnings);

struct tls_reloads tls_store_reloads(const struct tls_store *s);

void tls_store_free(struct tls_store *s); /* NULL is fine; bundles live on while they have users */

#endif
