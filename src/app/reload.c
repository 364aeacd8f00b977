#include "app/reload.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "core/core_opts.h"
#include "sandbox/files.h"

static void log_errors(struct slice errors)
{
    struct slice line;
    while (slice_cut(&errors, '\n', &line))
        LOG(LOG_ERROR, "reload refused", F_SLICE("error", line));
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
        if (options_table[id].takes == OPTION_TAKES_RESTART && !same) {
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

/* c: as read; what it changes at the next start only is as in the running server. */
static int load_mapping(const struct config *running, const struct config *c,
                        struct core_mapping *ret, struct buf *ret_errors)
{
    struct config in_force = *c; /* all is borrowed */
    in_force.server_interval_ms = running->server_interval_ms;
    return core_mapping_load(&in_force, ret, ret_errors);
}

void reload_explain(const char *path)
{
    if (path[0] != '\0' && sandbox_files_refuse(path))
        LOG(LOG_ERROR, "the sandbox does not let this file be read", F_STR("path", path),
            F_STR("reason", "it lies in a folder that no option named at the start"),
            F_STR("remedy", "restart, or move it"));
}

/* Of the file that the fresh one names; where it is the running one's, the caller looks at all. */
static void explain_mapping(const struct config *running, const struct config *fresh)
{
    if (strcmp(running->prometheus_mapping, fresh->prometheus_mapping) != 0)
        reload_explain(fresh->prometheus_mapping);
}

int reload_read(const struct config *running, const struct config_source *src, struct reloaded *ret)
{
    struct config fresh = { 0 };
    struct core_mapping mapping;
    struct buf errors = { 0 };
    int rc = config_load(src, &fresh, &errors);
    if (rc == 0 && (rc = load_mapping(running, &fresh, &mapping, &errors)) < 0) {
        explain_mapping(running, &fresh);
        config_release(&fresh);
    }
    if (rc < 0) {
        log_errors(buf_slice(&errors));
        buf_release(&errors);
        return -EINVAL;
    }
    log_setup((enum log_level)fresh.server_log_level, (enum log_format)fresh.server_log_format);
    /* Read once more, as its thread has one of its own; where that fails it keeps what it has. */
    struct core_mapping again = { 0 };
    if (running->redis_url[0] != '\0' && load_mapping(running, &fresh, &again, &errors) < 0)
        log_errors(buf_slice(&errors));
    *ret = (struct reloaded){ .mapping = mapping,
                              .cluster_mapping = again,
                              .mirror = core_mirror_opts(&fresh, running),
                              .log_rejected = fresh.protocol_log_rejected,
                              .for_next_start = log_differences(running, &fresh) };
    config_release(&fresh);
    buf_release(&errors);
    return 0;
}
