/**
 *   config_env_read         each variable that begins with STATSD_
 *     env_assign              an option: its value, or its values
 *     env_unknown             none: somebody else's, a mistake, or a warning
 */
#include "config/config_env.h"

#include <assert.h>

#include "config/escape.h"
#include "config/guess.h"

static bool contains(struct slice s, struct slice part)
{
    return s.len >= part.len && memmem(s.ptr, s.len, part.ptr, part.len) != NULL;
}

/**
 * Kubernetes puts variables for each service into every container of a namespace.  Services called
 * `statsd` and `statsd-http` make STATSD_SERVICE_HOST, STATSD_PORT, STATSD_PORT_8125_UDP_ADDR,
 * STATSD_HTTP_SERVICE_PORT_WEB and more, none of which is for us.
 */
static bool from_kubernetes(struct slice name)
{
    return contains(name, SLICE_LIT("_SERVICE_HOST")) ||
           contains(name, SLICE_LIT("_SERVICE_PORT")) || slice_ends(name, SLICE_LIT("_PORT")) ||
           contains(name, SLICE_LIT("_PORT_"));
}

/**
 * What follows STATSD_ in the variables that client libraries and programs with them read:
 * pystatsd, django-statsd, statsd-instrument, hot-shots and others.  An application and this server
 * often share one environment (a pod, an .env file); such a variable must not stop the server.
 */
/* clang-format off */
static const char *const client_names[] = {
    "ADDR", "ADDRESS", "AGGREGATION_INTERVAL", "BUFFER_CAPACITY", "BUFFER_SIZE", "CACHE_DNS",
    "CLIENT", "DEBUG", "DEFAULT_TAGS", "DISABLED", "DOMAIN", "DSN", "ENABLE", "ENABLED",
    "ENABLE_AGGREGATION", "ENDPOINT", "ENGINE", "ENV", "FLUSH_INTERVAL", "GLOBAL_TAGS", "HOST",
    "HOSTNAME", "IMPLEMENTATION", "IPV6", "MAXUDPSIZE", "MAX_BUFFER_SIZE", "MAX_PACKET_SIZE",
    "MOCK", "NAMESPACE", "ON", "PATCHES", "PREFIX", "PROTOCOL", "SAMPLE_RATE", "SERVER",
    "SERVER_ADDR", "SERVER_ADDRESS", "SERVER_HOST", "SERVER_HOSTNAME", "SERVER_IP", "SERVER_NAME",
    "SERVER_URL", "SOCKET", "SOCKET_PATH", "SUFFIX", "TAGS", "TAG_FORMAT", "TELEGRAF", "TIMEOUT",
    "UDP_HOST", "URI", "URL", "USE_NEW_CLIENT",
};
/* clang-format on */

static bool from_client(struct slice rest)
{
    for (size_t i = 0; i < ARRAY_LEN(client_names); i++) {
        if (slice_eq(rest, slice_str(client_names[i])))
            return true;
    }
    return false;
}

/* rest: the variable without STATSD_.  Whether it begins with one of our sections, and so was
 * meant for us. */
static bool names_a_section(struct slice rest)
{
    struct slice section;
    char lower[16];
    if (!slice_cut(&rest, '_', &section))
        return false;
    size_t n = section.len < sizeof lower ? section.len : 0;
    for (size_t i = 0; i < n; i++)
        lower[i] = (char)(section.ptr[i] | 0x20);
    return options_section_known(slice_of(lower, n));
}

/* returns  the option whose variable is at most two edits away; OPTION_COUNT: none */
static enum option_id nearest_variable(struct slice name)
{
    enum { NEAR = 2 };
    enum option_id nearest = OPTION_COUNT;
    size_t least = NEAR + 1;
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        char known[OPTION_ENV_MAX];
        options_env_name((enum option_id)i, known);
        size_t d = guess_distance(name, slice_str(known), NEAR);
        if (d < least) {
            least = d;
            nearest = (enum option_id)i;
        }
    }
    return nearest;
}

/**
 * A variable that is no option.  One a slip away from an option, or with one of our sections, can
 * only be meant for us: a mistake.  One that lacks the section alone (STATSD_INTERVAL) may be
 * somebody else's: a warning.
 */
static void env_unknown(struct config_loader *l, struct slice name)
{
    assert(name.len >= strlen("STATSD_"));
    struct slice rest = slice_of(name.ptr + strlen("STATSD_"), name.len - strlen("STATSD_"));
    char meant[OPTION_ENV_MAX];
    if (from_kubernetes(name) || from_client(rest))
        return;
    enum option_id id = nearest_variable(name);
    bool mistake = id != OPTION_COUNT || names_a_section(rest);
    if (id == OPTION_COUNT)
        id = guess_name(rest);
    if (id == OPTION_COUNT && !mistake)
        return;
    struct buf shown = { 0 };
    escape_short(name, &shown);
    if (id != OPTION_COUNT)
        options_env_name(id, meant);
    if (!mistake)
        config_loader_warn(l, "environment",
                           "%.*s: no such option, so it has no effect; did you mean %s?",
                           (int)shown.len, shown.ptr, meant);
    else if (id != OPTION_COUNT)
        config_loader_error(l, "environment", "%.*s: no such option; did you mean %s?",
                            (int)shown.len, shown.ptr, meant);
    else
        config_loader_error(l, "environment", "%.*s: no such option; see `statsd describe options`",
                            (int)shown.len, shown.ptr);
    buf_release(&shown);
}

/* A STRINGS option takes each part of the variable as a value. */
static void env_assign(struct config_loader *l, const char *origin, enum option_id id,
                       struct slice value)
{
    if (options_table[id].kind != OPTION_STRINGS) {
        config_loader_assign(l, origin, id, value);
        return;
    }
    static const struct slice separators = { " ,\t\n", 4 };
    /* At least once: an empty variable is an empty value. */
    value = slice_trim(value, separators);
    do {
        size_t n = 0;
        while (n < value.len && memchr(separators.ptr, value.ptr[n], separators.len) == NULL)
            n++;
        config_loader_assign(l, origin, id, slice_of(value.ptr, n));
        value = slice_trim(slice_of(value.ptr + n, value.len - n), separators);
    } while (value.len > 0);
}

/* returns  the option, its variable in known; OPTION_COUNT: it is none's */
static enum option_id find_variable(struct slice name, char known[OPTION_ENV_MAX])
{
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        options_env_name((enum option_id)i, known);
        if (slice_eq(name, slice_str(known)))
            return (enum option_id)i;
    }
    return OPTION_COUNT;
}

void config_env_read(struct config_loader *l, char *const *env)
{
    assert(l->stage == CONFIG_ENV);
    for (; env != NULL && *env != NULL; env++) {
        struct slice value = slice_str(*env), name;
        if (!slice_starts(value, SLICE_LIT("STATSD_")) || !slice_cut(&value, '=', &name))
            continue;
        char known[OPTION_ENV_MAX];
        enum option_id id = find_variable(name, known);
        if (id != OPTION_COUNT)
            env_assign(l, known, id, value);
        else
            env_unknown(l, name);
    }
}
