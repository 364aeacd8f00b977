/*
 * tls_bundle_load builds a struct loading step by step (files, pair, CAs, priority), going on after
 * a mistake so that all are told at once, and makes a bundle of it when there was none.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tls/bundle_priv.h"
#include "tls/pem.h"
#include "tls/priority.h"

struct loading {
    const struct tls_opts *o;
    struct buf *errors, *warnings;
    struct pem_certs certs, cas;
    gnutls_x509_privkey_t key;
    struct buf priority;
};

static void loading_release(struct loading *l)
{
    pem_certs_release(&l->certs);
    pem_certs_release(&l->cas);
    if (l->key != NULL)
        gnutls_x509_privkey_deinit(l->key);
    buf_release(&l->priority);
}

static bool load_pair(struct loading *l, int64_t now)
{
    const struct tls_opts *o = l->o;
    if (o->cert_file == NULL && o->key_file == NULL && o->side == TLS_CLIENT)
        return true;
    if (o->cert_file == NULL || o->key_file == NULL) {
        buf_append_str(l->errors, "a certificate and its key are needed, both\n");
        return false;
    }
    bool certs = pem_certs_read(o->cert_file, o->cert_pem, &l->certs, l->errors);
    bool key = pem_key_read(o->key_file, o->key_pem, &l->key, l->errors, l->warnings);
    if (certs)
        pem_cert_warn(o->cert_file, l->certs.at[0], now, l->warnings);
    return certs && key && pem_pair_check(o->cert_file, &l->certs, o->key_file, l->key, l->errors);
}

static bool load_cas(struct loading *l, int64_t now)
{
    const struct tls_opts *o = l->o;
    bool verifies = o->client_auth >= TLS_CLIENT_VERIFY_IF_GIVEN;
    if (o->side == TLS_SERVER && o->ca_file != NULL && o->client_auth == TLS_CLIENT_NONE) {
        buf_printf(l->errors, "%s: a CA of clients, but clients are not asked for certificates\n",
                   o->ca_file);
        return false;
    }
    if (o->side == TLS_SERVER && o->ca_file == NULL && verifies) {
        buf_append_str(l->errors, "client certificates are to be verified, but no CA is given\n");
        return false;
    }
    if (o->ca_file == NULL)
        return true;
    if (!pem_certs_read(o->ca_file, o->ca_pem, &l->cas, l->errors))
        return false;
    for (unsigned i = 0; i < l->cas.n; i++)
        pem_cert_warn(o->ca_file, l->cas.at[i], now, l->warnings);
    return true;
}

static bool load_priority(struct loading *l)
{
    enum tls_key key = TLS_KEY_ANY;
    if (l->key != NULL)
        key = gnutls_x509_privkey_get_pk_algorithm(l->key) == GNUTLS_PK_RSA ? TLS_KEY_RSA
                                                                            : TLS_KEY_ECDSA;
    return tls_priority(l->o, key, &l->priority, l->errors) == 0;
}

/* Have GnuTLS take what was loaded.  returns  0 or its error; *what gets the file's name */
static int take(struct tls_bundle *b, struct loading *l, const char **what)
{
    int rc = gnutls_certificate_allocate_credentials(&b->credentials);
    if (rc == 0 && l->key != NULL) {
        *what = l->o->cert_file;
        rc = gnutls_certificate_set_x509_key(b->credentials, l->certs.at, (int)l->certs.n, l->key);
    }
    if (rc >= 0) {
        *what = l->o->ca_file != NULL ? l->o->ca_file : "the CAs of this system";
        if (l->cas.n > 0)
            rc = gnutls_certificate_set_x509_trust(b->credentials, l->cas.at, (int)l->cas.n);
        else if (b->side == TLS_CLIENT)
            rc = gnutls_certificate_set_x509_system_trust(b->credentials);
    }
    if (rc >= 0) {
        *what = "TLS versions and ciphers";
        rc = gnutls_priority_init2(&b->priority, l->priority.ptr, NULL, 0);
    }
    return rc < 0 ? rc : 0;
}

static struct tls_bundle *bundle_new(const struct tls_opts *o)
{
    struct tls_bundle *b = mem_zalloc(sizeof *b);
    b->refs = 1;
    b->side = o->side;
    b->client_auth = o->side == TLS_SERVER ? o->client_auth : TLS_CLIENT_NONE;
    b->allowed_sans = mem_zalloc(o->n_allowed_sans * sizeof *b->allowed_sans);
    for (size_t i = 0; i < o->n_allowed_sans; i++)
        b->allowed_sans[b->n_allowed_sans++] = mem_strdup(o->allowed_sans[i]);
    return b;
}

static void bundle_free(struct tls_bundle *b)
{
    if (b->credentials != NULL)
        gnutls_certificate_free_credentials(b->credentials);
    if (b->priority != NULL)
        gnutls_priority_deinit(b->priority);
    for (size_t i = 0; i < b->n_allowed_sans; i++)
        free(b->allowed_sans[i]);
    free(b->allowed_sans);
    free(b);
}

int tls_bundle_load(const struct tls_opts *o, int64_t now, struct tls_bundle **ret,
                    struct buf *errors, struct buf *warnings)
{
    struct loading l = { .o = o, .errors = errors, .warnings = warnings };
    bool pair = load_pair(&l, now);
    bool cas = load_cas(&l, now);
    int rc = pair && cas && load_priority(&l) ? 0 : -EINVAL;

    if (rc == 0) {
        struct tls_bundle *b = bundle_new(o);
        const char *what = "TLS";
        int taken = take(b, &l, &what);
        if (taken == 0) {
            b->expires =
                l.certs.n ? (int64_t)gnutls_x509_crt_get_expiration_time(l.certs.at[0]) : 0;
            *ret = b;
        } else {
            buf_printf(errors, "%s: %s\n", what, gnutls_strerror(taken));
            bundle_free(b);
            rc = -EINVAL;
        }
    }
    loading_release(&l);
    return rc;
}

struct tls_bundle *tls_bundle_ref(struct tls_bundle *b)
{
    /* Relaxed: whoever takes one more has one already. */
    unsigned had = atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    assert(had > 0);
    return b;
}

void tls_bundle_drop(struct tls_bundle *b)
{
    if (b == NULL)
        return;
    /* What other owners read of b happened before it is freed. */
    unsigned was = atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel);
    assert(was > 0);
    if (was == 1)
        bundle_free(b);
}

int64_t tls_bundle_expires(const struct tls_bundle *b)
{
    return b->expires;
}
