/*
 *   web_config_tls_read
 *     read_pem             a file, in the folder of the web config, or the text itself
 *     read_words           of one kind, each by its name
 *     check_clients, check_versions   what does not go together
 */
#include "config/web_config_tls.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/mapping_scalar.h"

enum {
    CERT,
    CERT_FILE,
    KEY,
    KEY_FILE,
    CLIENT_CA,
    CLIENT_CA_FILE,
    CLIENT_AUTH,
    CLIENT_SANS,
    MIN_VERSION,
    MAX_VERSION,
    CIPHERS,
    CURVES,
    PREFER_SERVER
};

static const struct mapping_key keys[] = {
    [CERT] = { "cert", NULL },
    [CERT_FILE] = { "cert_file", NULL },
    [KEY] = { "key", NULL },
    [KEY_FILE] = { "key_file", NULL },
    [CLIENT_CA] = { "client_ca", NULL },
    [CLIENT_CA_FILE] = { "client_ca_file", NULL },
    [CLIENT_AUTH] = { "client_auth_type", NULL },
    [CLIENT_SANS] = { "client_allowed_sans", NULL },
    [MIN_VERSION] = { "min_version", NULL },
    [MAX_VERSION] = { "max_version", NULL },
    [CIPHERS] = { "cipher_suites", NULL },
    [CURVES] = { "curve_preferences", NULL },
    [PREFER_SERVER] = { "prefer_server_cipher_suites", NULL },
};

#define BLOCK "tls_server_config."

/* Separated by '|'. */
static const char cipher_names[] =
    "TLS_AES_128_GCM_SHA256|TLS_AES_256_GCM_SHA384|TLS_CHACHA20_POLY1305_SHA256|"
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256|TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384|"
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256|TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA|"
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA|TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256|"
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384|TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256|"
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA|TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA";
static const char curve_names[] = "CurveP256|CurveP384|CurveP521|X25519";
static const char version_names[] = "|TLS10|TLS11|TLS12|TLS13";

/* A path beside the web config. */
static char *beside(const char *web_config, struct slice path)
{
    const char *slash = strrchr(web_config, '/');
    struct buf b = { 0 };
    if (path.ptr[0] != '/' && slash != NULL)
        buf_append(&b, web_config, (size_t)(slash - web_config) + 1);
    buf_append_slice(&b, path);
    buf_append_char(&b, '\0');
    return b.ptr;
}

/* The file wins over the text; what is empty is not given. */
static void read_pem(struct mapping_reader *r, const struct mapping_field *text,
                     const struct mapping_field *file, struct web_pem *ret)
{
    struct slice path = { 0 }, pem = { 0 };
    (void)mapping_scalar_text(r, file, &path);
    (void)mapping_scalar_text(r, text, &pem);
    if (path.len > 0) {
        ret->file = beside(r->path, path);
        ret->name = mem_strdup(ret->file);
    } else if (pem.len > 0) {
        struct buf name = { 0 };
        buf_printf(&name, "%s: %s%s", r->path, text->block, text->name);
        buf_append_char(&name, '\0');
        ret->name = name.ptr;
        ret->text = mem_strndup(pem.ptr, pem.len);
    }
}

static void add(struct strings *to, struct slice s)
{
    to->at = mem_realloc(to->at, (to->n + 1) * sizeof *to->at);
    to->at[to->n++] = mem_strndup(s.ptr, s.len);
}

/* words: separated by '|', or NULL: any text. */
static void read_words(struct mapping_reader *r, const struct mapping_field *f, const char *words,
                       struct strings *ret)
{
    if (f->node == NULL)
        return;
    if (f->node->kind != DOCUMENT_LIST) {
        mapping_reader_wrong(r, f, "is no list; write [ONE, TWO]");
        return;
    }
    const struct document *d = &r->document;
    const struct document_node *at = document_first(d, f->node);
    for (; at != NULL && !mapping_reader_full(r); at = document_next(d, at)) {
        struct mapping_field item = *f;
        struct slice s = { 0 };
        int i = 0;
        item.node = document_value(d, at);
        item.line = at->line;
        bool good = words != NULL ? mapping_scalar_word(r, &item, words, &i) : true;
        if (!good || !mapping_scalar_text(r, &item, &s))
            continue;
        if (s.len == 0)
            mapping_reader_wrong(r, &item, "is empty; remove it");
        else if (ret->n == WEB_CONFIG_NAMES_MAX)
            mapping_reader_wrong(r, f, "has more than %d elements", WEB_CONFIG_NAMES_MAX);
        else
            add(ret, s);
    }
}

/* Those that Go took in former days: no forward secrecy, and without a list of their own here. */
static bool has_rsa_exchange(struct mapping_reader *r, const struct mapping_field *f)
{
    const struct document *d = &r->document;
    if (f->node == NULL || f->node->kind != DOCUMENT_LIST)
        return false;
    for (const struct document_node *at = document_first(d, f->node); at != NULL;
         at = document_next(d, at)) {
        const struct document_node *node = document_value(d, at);
        if (node->kind != DOCUMENT_TEXT ||
            !slice_starts(document_text(d, node), SLICE_LIT("TLS_RSA_WITH_")))
            continue;
        mapping_reader_mistake(r, at->line,
                               BLOCK "cipher_suites: suites TLS_RSA_WITH_... encrypt "
                                     "without forward secrecy and are not offered; remove them");
        return true;
    }
    return false;
}

static void read_versions(struct mapping_reader *r, const struct mapping_field *f,
                          struct web_config *ret)
{
    int min = 0, max = 0;
    if (mapping_scalar_word(r, &f[MIN_VERSION], version_names, &min))
        ret->min_version = 10 + (unsigned)min;
    if (mapping_scalar_word(r, &f[MAX_VERSION], version_names, &max))
        ret->max_version = 10 + (unsigned)max;
    unsigned least = ret->min_version != 0 ? ret->min_version : 12;
    if (ret->max_version != 0 && ret->max_version < least)
        mapping_reader_wrong(r, &f[MAX_VERSION], "is below min_version (TLS%u)", least);
}

/* returns  whether client_auth_type is given */
static bool read_client_auth(struct mapping_reader *r, const struct mapping_field *f,
                             struct web_config *ret)
{
    static const char words[] =
        "NoClientCert|RequestClientCert|RequireAnyClientCert|VerifyClientCertIfGiven|"
        "RequireAndVerifyClientCert|RequireClientCert";
    int i = 0;
    struct slice s = { 0 };
    if (f->node == NULL || !mapping_scalar_word(r, f, words, &i))
        return f->node != NULL;
    ret->client_auth = i == 5 ? WEB_CLIENT_REQUIRE_ANY : (enum web_client_auth)i;
    return mapping_scalar_text(r, f, &s) && s.len > 0;
}

static bool has(const struct web_pem *p)
{
    return p->name != NULL;
}

static void check_clients(struct mapping_reader *r, const struct mapping_field *f,
                          const struct web_config *c)
{
    const struct mapping_field *ca =
        f[CLIENT_CA_FILE].node != NULL ? &f[CLIENT_CA_FILE] : &f[CLIENT_CA];
    bool verifies = c->client_auth >= WEB_CLIENT_VERIFY_IF_GIVEN;
    if (has(&c->client_ca) && c->client_auth == WEB_CLIENT_NONE)
        mapping_reader_mistake(r, ca->line,
                               BLOCK
                               "%s: a CA of clients, but they are not asked for "
                               "certificates; add client_auth_type: RequireAndVerifyClientCert",
                               ca->name);
    if (!has(&c->client_ca) && verifies)
        mapping_reader_wrong(r, &f[CLIENT_AUTH],
                             "verifies, but there is no CA; add client_ca_file "
                             "(every CA of this system is never meant)");
    if (c->client_sans.n > 0 && c->client_auth == WEB_CLIENT_NONE)
        mapping_reader_mistake(r, f[CLIENT_SANS].line,
                               BLOCK "client_allowed_sans: clients are not "
                                     "asked for certificates; add client_auth_type");
}

static void check_pair(struct mapping_reader *r, const struct document_node *map,
                       const struct web_config *c)
{
    if (!c->tls)
        return;
    if (!has(&c->cert))
        mapping_reader_mistake(r, map->line,
                               BLOCK "cert_file: is missing; TLS needs cert_file and "
                                     "key_file");
    if (!has(&c->key))
        mapping_reader_mistake(r, map->line,
                               BLOCK "key_file: is missing; TLS needs cert_file and "
                                     "key_file");
}

void web_config_tls_read(struct mapping_reader *r, const struct document_node *map,
                         struct web_config *ret)
{
    struct mapping_field f[ARRAY_LEN(keys)];
    bool prefer_server = true;
    mapping_reader_fields(r, map, BLOCK, keys, ARRAY_LEN(keys), f);
    if (map->kind != DOCUMENT_MAP)
        return;
    read_pem(r, &f[CERT], &f[CERT_FILE], &ret->cert);
    read_pem(r, &f[KEY], &f[KEY_FILE], &ret->key);
    read_pem(r, &f[CLIENT_CA], &f[CLIENT_CA_FILE], &ret->client_ca);
    bool auth = read_client_auth(r, &f[CLIENT_AUTH], ret);
    read_words(r, &f[CLIENT_SANS], NULL, &ret->client_sans);
    read_versions(r, f, ret);
    if (!has_rsa_exchange(r, &f[CIPHERS]))
        read_words(r, &f[CIPHERS], cipher_names, &ret->ciphers);
    read_words(r, &f[CURVES], curve_names, &ret->curves);
    (void)mapping_scalar_bool(r, &f[PREFER_SERVER], &prefer_server);
    ret->client_preference = !prefer_server;
    ret->tls = auth || has(&ret->cert) || has(&ret->key) || has(&ret->client_ca);
    check_pair(r, map, ret);
    check_clients(r, f, ret);
}

static void pem_release(struct web_pem *p)
{
    free(p->file);
    free(p->name);
    if (p->text != NULL)
        explicit_bzero(p->text, strlen(p->text));
    free(p->text);
}

static void strings_release(struct strings *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->at[i]);
    free(s->at);
}

void web_config_tls_release(struct web_config *c)
{
    pem_release(&c->cert);
    pem_release(&c->key);
    pem_release(&c->client_ca);
    strings_release(&c->client_sans);
    strings_release(&c->ciphers);
    strings_release(&c->curves);
}
