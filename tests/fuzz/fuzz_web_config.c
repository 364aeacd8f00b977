/**
 * Any bytes as a web config: read into what web_values.h promises, or refused with whole lines of
 * printable text.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bcrypt.h"
#include "base/utf8.h"
#include "config/web_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_lines(const struct buf *lines)
{
    assert(lines->len == 0 || lines->ptr[lines->len - 1] == '\n');
    assert(utf8_valid(buf_slice(lines)));
    for (size_t i = 0; i < lines->len; i++)
        assert((unsigned char)lines->ptr[i] >= ' ' || lines->ptr[i] == '\n');
}

static void check_pem(const struct web_pem *p)
{
    assert((p->name != NULL) == (p->file != NULL || p->text != NULL));
    assert(p->file == NULL || p->text == NULL);
    assert(p->file == NULL || strncmp(p->file, "/etc/", 5) == 0 || p->file[0] == '/');
}

static void check_names(const struct strings *s)
{
    assert(s->n <= WEB_CONFIG_NAMES_MAX);
    for (size_t i = 0; i < s->n; i++)
        assert(s->at[i][0] != '\0');
}

static void check_users(const struct web_pairs *p)
{
    assert(p->n <= WEB_CONFIG_USERS_MAX);
    for (size_t i = 0; i < p->n; i++) {
        assert(strlen(p->at[i].name) <= WEB_CONFIG_NAME_MAX);
        assert(bcrypt_wrong(slice_str(p->at[i].value)) == NULL);
        for (size_t k = 0; k < i; k++)
            assert(strcmp(p->at[i].name, p->at[k].name) != 0);
    }
}

static void check(const struct web_config *c)
{
    check_pem(&c->cert);
    check_pem(&c->key);
    check_pem(&c->client_ca);
    assert(!c->tls || (c->cert.name != NULL && c->key.name != NULL));
    assert(c->client_ca.name == NULL || c->client_auth != WEB_CLIENT_NONE);
    assert(c->client_auth < WEB_CLIENT_VERIFY_IF_GIVEN || c->client_ca.name != NULL);
    assert(c->min_version == 0 || (c->min_version >= 10 && c->min_version <= 13));
    assert(c->max_version == 0 || (c->max_version >= 10 && c->max_version <= 13));
    check_names(&c->client_sans);
    check_names(&c->ciphers);
    check_names(&c->curves);
    check_users(&c->users);
    assert(c->headers.n <= 5);
    for (size_t i = 0; i < c->headers.n; i++)
        assert(strpbrk(c->headers.at[i].value, "\r\n") == NULL);
    assert(c->rate_interval_ms <= OPTION_HOUR_MS && c->rate_burst <= WEB_CONFIG_BURST_MAX);
    assert(c->rate_interval_ms == 0 || c->rate_burst > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct web_config c;
    struct buf errors = { 0 }, warnings = { 0 };
    struct slice text = slice_of((const char *)data, size);
    int rc = web_config_load_text("/etc/web.yml", text, &c, &errors, &warnings);
    assert((rc == 0) == (errors.len == 0));
    check_lines(&errors);
    check_lines(&warnings);
    if (rc == 0) {
        check(&c);
        web_config_release(&c);
    }
    buf_release(&errors);
    buf_release(&warnings);
    return 0;
}
