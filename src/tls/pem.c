/*
 * From the top: a file's bytes, the certificates in them, the key, and whether the two belong
 * together.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "tls/pem.h"

#define BEGIN_CERT "-----BEGIN CERTIFICATE-----"

/* --- bytes --- */

static bool bytes_read(int fd, const char *path, struct buf *ret, struct buf *errors)
{
    for (;;) {
        ssize_t n = read(fd, buf_reserve(ret, 16384), 16384);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            buf_printf(errors, "%s: cannot be read: %s\n", path, err_text(errno));
            return false;
        }
        if (n == 0)
            return true;
        ret->len += (size_t)n;
        if (ret->len > PEM_FILE_MAX) {
            buf_printf(errors, "%s: is larger than 1 MiB: no file of certificates\n", path);
            return false;
        }
    }
}

/* ret_mode gets the file's mode. */
static bool file_read(const char *path, struct buf *ret, unsigned *ret_mode, struct buf *errors)
{
    struct stat st;
    /* Not blocking: a FIFO without a writer would hold up the server. */
    int fd = (int)TEMP_FAILURE_RETRY(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (fd < 0) {
        bool denied = errno == EACCES;
        buf_printf(errors, "%s: cannot be read: %s%s\n", path, err_text(errno),
                   denied ? " (make it readable for the server's user or group)" : "");
        return false;
    }
    bool good = fstat(fd, &st) == 0;
    if (!good)
        buf_printf(errors, "%s: cannot be read: %s\n", path, err_text(errno));
    else if (!S_ISREG(st.st_mode))
        buf_printf(errors, "%s: is no file\n", path);
    good = good && S_ISREG(st.st_mode) && bytes_read(fd, path, ret, errors);
    close(fd);
    if (good && ret->len == 0)
        buf_printf(errors, "%s: is empty\n", path);
    *ret_mode = st.st_mode;
    return good && ret->len > 0;
}

/* From memory, if text is not NULL. */
static bool text_read(const char *path, const char *text, struct buf *ret, unsigned *ret_mode,
                      struct buf *errors)
{
    if (text == NULL)
        return file_read(path, ret, ret_mode, errors);
    buf_append_str(ret, text);
    if (ret->len == 0)
        buf_printf(errors, "%s: is empty\n", path);
    return ret->len > 0;
}

static bool holds(const struct buf *text, const char *what)
{
    return memmem(text->ptr, text->len, what, strlen(what)) != NULL;
}

static gnutls_datum_t datum_of(const struct buf *text)
{
    return (gnutls_datum_t){ .data = (unsigned char *)text->ptr, .size = (unsigned)text->len };
}

/* --- certificates --- */

static unsigned count_begins(const struct buf *text)
{
    unsigned n = 0;
    const char *at = text->ptr, *end = text->ptr + text->len;
    while ((at = memmem(at, (size_t)(end - at), BEGIN_CERT, strlen(BEGIN_CERT))) != NULL) {
        at += strlen(BEGIN_CERT);
        n++;
    }
    return n;
}

/* PEM text into certificates; the file's order is kept. */
static bool certs_import(const char *path, const struct buf *text, struct pem_certs *ret,
                         struct buf *errors)
{
    struct pem_certs c = { 0 };
    gnutls_datum_t d = datum_of(text);
    unsigned begins = count_begins(text);

    if (begins == 0) {
        buf_printf(errors, "%s: holds no certificate in PEM form (%s)%s\n", path, BEGIN_CERT,
                   holds(text, "PRIVATE KEY-----") ? ", but a key: are the two files swapped?"
                                                   : "");
        return false;
    }
    int rc = gnutls_x509_crt_list_import2(&c.at, &c.n, &d, GNUTLS_X509_FMT_PEM, 0);
    if (rc == 0 && c.n == begins) {
        *ret = c;
        return true;
    }
    if (rc == 0)
        pem_certs_release(&c);
    buf_printf(errors, "%s: one of its %u certificates is damaged: %s\n", path, begins,
               rc == 0 ? "it has no end" : gnutls_strerror(rc));
    return false;
}

bool pem_certs_read(const char *path, const char *in_memory, struct pem_certs *ret,
                    struct buf *errors)
{
    struct buf text = { 0 };
    unsigned mode = 0;
    *ret = (struct pem_certs){ 0 };
    bool good =
        text_read(path, in_memory, &text, &mode, errors) && certs_import(path, &text, ret, errors);
    buf_release(&text);
    return good;
}

void pem_certs_release(struct pem_certs *c)
{
    for (unsigned i = 0; i < c->n; i++)
        gnutls_x509_crt_deinit(c->at[i]);
    gnutls_free(c->at);
    *c = (struct pem_certs){ 0 };
}

void pem_cert_warn(const char *path, gnutls_x509_crt_t crt, int64_t now, struct buf *warnings)
{
    time_t from = gnutls_x509_crt_get_activation_time(crt);
    time_t until = gnutls_x509_crt_get_expiration_time(crt);
    bool expired = now > until;
    time_t at = expired ? until : from;
    struct tm tm;
    char text[32] = "";
    if (!expired && now >= from)
        return;
    if (gmtime_r(&at, &tm) == NULL || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        text[0] = '?';
    buf_printf(warnings, "%s: the certificate %s %s: clients will refuse it\n", path,
               expired ? "expired at" : "is not valid before", text);
}

/* --- the key --- */

static bool key_import(const char *path, const struct buf *text, gnutls_x509_privkey_t *ret,
                       struct buf *errors)
{
    gnutls_x509_privkey_t key;
    gnutls_datum_t d = datum_of(text);
    if (!holds(text, "PRIVATE KEY-----")) {
        buf_printf(errors, "%s: holds no key in PEM form (-----BEGIN PRIVATE KEY-----)%s\n", path,
                   holds(text, BEGIN_CERT) ? ", but a certificate: are the two files swapped?"
                                           : "");
        return false;
    }
    if (holds(text, "ENCRYPTED")) {
        buf_printf(errors,
                   "%s: the key is locked by a password, which a server cannot ask for: unlock it "
                   "with `openssl pkey -in %s -out NEW`\n",
                   path, path);
        return false;
    }
    if (gnutls_x509_privkey_init(&key) < 0)
        mem_exhausted(sizeof key);
    int rc = gnutls_x509_privkey_import2(key, &d, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (rc == 0) {
        *ret = key;
        return true;
    }
    buf_printf(errors, "%s: the key is damaged: %s\n", path, gnutls_strerror(rc));
    gnutls_x509_privkey_deinit(key);
    return false;
}

bool pem_key_read(const char *path, const char *in_memory, gnutls_x509_privkey_t *ret,
                  struct buf *errors, struct buf *warnings)
{
    struct buf text = { 0 };
    unsigned mode = 0;
    bool good =
        text_read(path, in_memory, &text, &mode, errors) && key_import(path, &text, ret, errors);
    if (good && (mode & (S_IROTH | S_IWOTH)))
        buf_printf(warnings, "%s: every user may read or change the key: chmod 0640\n", path);
    if (text.ptr != NULL)
        explicit_bzero(text.ptr, text.cap);
    buf_release(&text);
    return good;
}

/* --- both --- */

enum { KEY_ID_MAX = 64 };

static bool cert_is_of(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key)
{
    unsigned char a[KEY_ID_MAX], b[KEY_ID_MAX];
    size_t a_len = sizeof a, b_len = sizeof b;
    return gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, a, &a_len) == 0 &&
           gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, b, &b_len) == 0 &&
           a_len == b_len && memcmp(a, b, a_len) == 0;
}

bool pem_pair_check(const char *cert_path, const struct pem_certs *certs, const char *key_path,
                    gnutls_x509_privkey_t key, struct buf *errors)
{
    if (cert_is_of(certs->at[0], key))
        return true;
    for (unsigned i = 1; i < certs->n; i++) {
        if (cert_is_of(certs->at[i], key)) {
            buf_printf(errors,
                       "%s: the certificate of the key %s is number %u: put it first, then those "
                       "that signed it\n",
                       cert_path, key_path, i + 1);
            return false;
        }
    }
    buf_printf(errors,
               "%s: is not the key of the certificate %s: give the two that were made "
               "together\n",
               key_path, cert_path);
    return false;
}
