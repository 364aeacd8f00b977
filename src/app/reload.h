/**
 * reload: HUP reads the configuration and its mapping file again.  Private to app/.
 *
 * log_level and log_format change at once; what else a reload changes (option_rows.h) is the
 * caller's to put in force.  Every other option that differs is named in the log and takes effect
 * at the next start.  Where there is a mistake nothing changes, and all mistakes are logged.
 *   thread   control
 */
#ifndef APP_RELOAD_H
#define APP_RELOAD_H

#include "config/config.h"
#include "core/core_mapping.h"
#include "mirror/opts.h"

struct reloaded {
    struct core_mapping mapping;
    struct core_mapping cluster_mapping; /* the same, for cluster_page_remap; { 0 }: no redis.url */
    bool log_rejected;
    struct mirror_opts mirror; /* borrows from the running config */
    unsigned for_next_start;   /* options that differ and wait */
};

/**
 * reload_read(running, src, ret):
 *   running  what the server was started with
 *   ret      its mappings are to be released
 *   returns  0; -EINVAL with ret untouched, logged
 */
int reload_read(const struct config *running, const struct config_source *src,
                struct reloaded *ret);

/* Say so in the log, if it is the sandbox that keeps us from reading this file ("": none). */
void reload_explain(const char *path);

#endif
