/**
 * web_values: struct web_config, what a web config says.  web_config.h reads it.
 *   thread   a loaded file is constant: any
 */
#ifndef CONFIG_WEB_VALUES_H
#define CONFIG_WEB_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "config/options.h"

enum {
    WEB_CONFIG_BYTES_MAX = 1 << 20,
    WEB_CONFIG_USERS_MAX = 1000,
    WEB_CONFIG_NAME_MAX = 256,    /* bytes of a user's name */
    WEB_CONFIG_HEADER_MAX = 4096, /* bytes of a header's value */
    WEB_CONFIG_NAMES_MAX = 256,   /* elements of a list */
    WEB_CONFIG_BURST_MAX = 1000000
};

/* A PEM file, or its text: at most one is not NULL. */
struct web_pem {
    char *file; /* absolute, or relative to the working directory */
    char *text;
    char *name; /* what messages call it: the file, or FILE: KEY */
};

/* Places in this order are those of enum tls_client_auth. */
enum web_client_auth {
    WEB_CLIENT_NONE,
    WEB_CLIENT_REQUEST,
    WEB_CLIENT_REQUIRE_ANY,
    WEB_CLIENT_VERIFY_IF_GIVEN,
    WEB_CLIENT_REQUIRE_VERIFY
};

struct web_pair {
    char *name, *value;
};

struct web_pairs {
    struct web_pair *at;
    size_t n;
};

struct web_config {
    bool tls; /* wanted: then there are cert and key */
    struct web_pem cert, key, client_ca;
    enum web_client_auth client_auth;
    struct strings client_sans;        /* client_allowed_sans */
    unsigned min_version, max_version; /* 10 to 13: TLS 1.0 to 1.3; 0: not given */
    struct strings ciphers, curves;
    bool client_preference;    /* prefer_server_cipher_suites is false */
    struct web_pairs headers;  /* http_server_config.headers */
    struct web_pairs users;    /* name and bcrypt hash (base/bcrypt.h); names differ */
    uint64_t rate_interval_ms; /* 0: no limit */
    uint32_t rate_burst;       /* with an interval: 1 to WEB_CONFIG_BURST_MAX */
};

#endif
