#include "core/web.h"

#include <assert.h>

#include "config/web_config.h"
#include "http/rate.h"
#include "http/users.h"

static_assert((int)WEB_CLIENT_REQUEST == TLS_CLIENT_REQUEST &&
                  (int)WEB_CLIENT_REQUIRE_ANY == TLS_CLIENT_REQUIRE_ANY &&
                  (int)WEB_CLIENT_VERIFY_IF_GIVEN == TLS_CLIENT_VERIFY_IF_GIVEN &&
                  (int)WEB_CLIENT_REQUIRE_VERIFY == TLS_CLIENT_REQUIRE_VERIFY,
              "client_auth_type");
static_assert((int)WEB_CONFIG_USERS_MAX <= HTTP_AUTH_USERS_MAX, "users");
static_assert((int)WEB_CONFIG_BURST_MAX <= HTTP_RATE_BURST_MAX, "rate_limit.burst");
static_assert((int)OPTION_HOUR_MS <= HTTP_RATE_INTERVAL_MAX_MS, "rate_limit.interval");

static enum tls_version version_of(unsigned version)
{
    return version == 0 ? TLS_DEFAULT_VERSION : (enum tls_version)(TLS_1_0 + (version - 10));
}

static const char *const *list(const struct strings *s)
{
    return (const char *const *)s->at;
}

static struct tls_opts opts_of(const struct web_config *c)
{
    return (struct tls_opts){
        .side = TLS_SERVER,
        .cert_file = c->cert.name,
        .cert_pem = c->cert.text,
        .key_file = c->key.name,
        .key_pem = c->key.text,
        .ca_file = c->client_ca.name,
        .ca_pem = c->client_ca.text,
        .client_auth = (enum tls_client_auth)c->client_auth,
        .allowed_sans = list(&c->client_sans),
        .n_allowed_sans = c->client_sans.n,
        .min_version = version_of(c->min_version),
        .max_version = version_of(c->max_version),
        .ciphers = list(&c->ciphers),
        .n_ciphers = c->ciphers.n,
        .curves = list(&c->curves),
        .n_curves = c->curves.n,
        .client_preference = c->client_preference,
    };
}

int core_web_load(const char *path, int64_t now, struct core_web *ret, struct buf *errors,
                  struct buf *warnings)
{
    struct core_web w = { 0 };
    int rc = web_config_load(path, &w.config, errors, warnings);
    if (rc == 0 && w.config.tls) {
        struct tls_opts opts = opts_of(&w.config);
        rc = tls_store_open(&opts, now, &w.tls, errors, warnings);
    }
    *ret = w;
    return rc;
}

void core_web_release(struct core_web *w)
{
    tls_store_free(w->tls);
    web_config_release(&w->config);
    *w = (struct core_web){ 0 };
}
