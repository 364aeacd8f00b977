/*
 *   tls_store_open, tls_store_reload    load: stamps_take, then tls_bundle_load
 *   tls_store_look                      a reload when a file is another one than was loaded, and
 *                                       the same as at the last look: whoever writes it is done
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/file_stamp.h"
#include "base/mem.h"
#include "tls/store.h"

enum { FILES = 3, LISTS = 3 };

struct tls_store {
    struct tls_opts opts; /* points to: */
    char **strings;       /* n_strings of them */
    size_t n_strings, strings_cap;
    const char **lists[LISTS];
    struct tls_bundle *current;
    struct tls_reloads reloads;
    struct file_stamp loaded[FILES]; /* before the last load, failed or not */
    struct file_stamp seen[FILES];   /* at the last look */
};

/* An open store always has a bundle: one that cannot be loaded replaces none. */
static void store_check(const struct tls_store *s)
{
    assert(s->current != NULL);
    assert(s->n_strings <= s->strings_cap);
}

/* --- options --- */

static const char *copy(struct tls_store *s, const char *string)
{
    if (string == NULL)
        return NULL;
    s->strings = mem_grow(s->strings, &s->strings_cap, s->n_strings + 1, sizeof *s->strings);
    s->strings[s->n_strings] = mem_strdup(string);
    return s->strings[s->n_strings++];
}

static const char *const *copy_list(struct tls_store *s, int at, const char *const *list, size_t n)
{
    const char **to = mem_zalloc(n * sizeof *to);
    for (size_t i = 0; i < n; i++)
        to[i] = copy(s, list[i]);
    s->lists[at] = to;
    return to;
}

static void opts_copy(struct tls_store *s, const struct tls_opts *o)
{
    s->opts = *o;
    s->opts.cert_file = copy(s, o->cert_file);
    s->opts.key_file = copy(s, o->key_file);
    s->opts.ca_file = copy(s, o->ca_file);
    s->opts.cert_pem = copy(s, o->cert_pem);
    s->opts.key_pem = copy(s, o->key_pem);
    s->opts.ca_pem = copy(s, o->ca_pem);
    s->opts.allowed_sans = copy_list(s, 0, o->allowed_sans, o->n_allowed_sans);
    s->opts.ciphers = copy_list(s, 1, o->ciphers, o->n_ciphers);
    s->opts.curves = copy_list(s, 2, o->curves, o->n_curves);
}

static void opts_release(struct tls_store *s)
{
    for (size_t i = 0; i < s->n_strings; i++) {
        explicit_bzero(s->strings[i], strlen(s->strings[i])); /* a key may be among them */
        free(s->strings[i]);
    }
    free(s->strings);
    for (int i = 0; i < LISTS; i++)
        free(s->lists[i]);
}

/* --- files --- */

static void stamps_take(const struct tls_opts *o, struct file_stamp ret[FILES])
{
    ret[0] = file_stamp(o->cert_pem == NULL ? o->cert_file : NULL);
    ret[1] = file_stamp(o->key_pem == NULL ? o->key_file : NULL);
    ret[2] = file_stamp(o->ca_pem == NULL ? o->ca_file : NULL);
}

static bool stamps_eq(const struct file_stamp a[FILES], const struct file_stamp b[FILES])
{
    for (int i = 0; i < FILES; i++) {
        if (!file_stamp_eq(&a[i], &b[i]))
            return false;
    }
    return true;
}

/* Stamps first: a file that changes while it is read is another one at the next look. */
static int load(struct tls_store *s, int64_t now, struct tls_bundle **ret, struct buf *errors,
                struct buf *warnings)
{
    stamps_take(&s->opts, s->loaded);
    memcpy(s->seen, s->loaded, sizeof s->seen);
    return tls_bundle_load(&s->opts, now, ret, errors, warnings);
}

/* --- the store --- */

int tls_store_open(const struct tls_opts *o, int64_t now, struct tls_store **ret,
                   struct buf *errors, struct buf *warnings)
{
    struct tls_store *s = mem_zalloc(sizeof *s);
    opts_copy(s, o);
    int rc = load(s, now, &s->current, errors, warnings);
    if (rc == 0)
        *ret = s;
    else
        tls_store_free(s);
    return rc;
}

struct tls_bundle *tls_store_current(const struct tls_store *s)
{
    return s->current;
}

enum tls_loaded tls_store_reload(struct tls_store *s, int64_t now, struct buf *errors,
                                 struct buf *warnings)
{
    struct tls_bundle *fresh;
    store_check(s);
    if (load(s, now, &fresh, errors, warnings) < 0) {
        s->reloads.failed++;
        return TLS_NOT_LOADED;
    }
    tls_bundle_drop(s->current);
    s->current = fresh;
    s->reloads.ok++;
    return TLS_LOADED;
}

enum tls_loaded tls_store_look(struct tls_store *s, int64_t now, struct buf *errors,
                               struct buf *warnings)
{
    struct file_stamp there[FILES];
    store_check(s);
    stamps_take(&s->opts, there);
    bool changed = !stamps_eq(there, s->loaded), settled = stamps_eq(there, s->seen);
    memcpy(s->seen, there, sizeof s->seen);
    return changed && settled ? tls_store_reload(s, now, errors, warnings) : TLS_UNCHANGED;
}

struct tls_reloads tls_store_reloads(const struct tls_store *s)
{
    return s->reloads;
}

void tls_store_free(struct tls_store *s)
{
    if (s == NULL)
        return;
    tls_bundle_drop(s->current);
    opts_release(s);
    free(s);
}
