#include "app/reload.h"

#include <string.h>

#include "base/log.h"

static void log_errors(struct slice errors)
{
    struct slice line;
    while (slice_cut(&errors, '\n', &line))
        LOG(LOG_ERROR, "reload refused", F_SLICE("error", line));
}

/* Options that a reload changes in the running server. */
static bool at_once(enum option_id id)
{
    return id == OPTION_server_log_level || id == OPTION_server_log_format ||
           id == OPTION_protocol_log_rejected;
}

/* Secrets are all printed as "(set)", so they are compared as they are. */
static bool same_secret(const struct config *a, const struct config *b, enum option_id id)
{
    const struct option_row *o = &options_table[id];
    if (o->kind != OPTION_SECRET)
        return true;
    const char *was = *(char *const *)((const char *)a + o->offset);
    const char *is = *(char *const *)((const char *)b + o->offset);
    return strcmp(was, is) == 0;
}

static unsigned log_differences(const struct config *running, const struct config *fresh)
{
    unsigned n = 0;
    for (int id = 0; id < OPTION_COUNT; id++) {
        struct buf was = { 0 }, is = { 0 };
        config_print(running, (enum option_id)id, &was);
        config_print(fresh, (enum option_id)id, &is);
        bool same = slice_eq(buf_slice(&was), buf_slice(&is)) &&
                    same_secret(running, fresh, (enum option_id)id);
        if (!at_once((enum option_id)id) && !same) {
            const struct option_row *o = &options_table[id];
            n++;
            LOG(LOG_WARN, "option changes at the next start", F_STR("section", o->section),
                F_STR("key", o->key), F_SLICE("value", buf_slice(&is)));
        }
        buf_release(&was);
        buf_release(&is);
    }
    return n;
}

void reload(const struct config *running, const struct config_source *src,
            void (*apply)(void *cookie, const struct config *fresh), void *cookie)
{
    struct config fresh = { 0 };
    struct buf errors = { 0 };
    if (config_load(src, &fresh, &errors) < 0) {
        log_errors(buf_slice(&errors));
        buf_release(&errors);
        return;
    }
    log_setup((enum log_level)fresh.server_log_level, (enum log_format)fresh.server_log_format);
    apply(cookie, &fresh);
    unsigned later = log_differences(running, &fresh);
    LOG(LOG_INFO, "reloaded", F_U64("options_for_next_start", later));
    config_release(&fresh);
    buf_release(&errors);
}
