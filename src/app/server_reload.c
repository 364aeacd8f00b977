/*
 * Another configuration, from HUP or POST /-/reload until it is in force:
 *
 *   server_reload          reads it, and certificates; a page turn takes its mapping to the
 *                          workers
 *   server_reload_turned   that turn is over: the mapping before it goes
 */
#include "app/server_priv.h"
#include "base/err.h"
#include "base/now.h"

static void refused(struct server *s)
{
    s->self.server.reloads_failed++;
    s->self.server.reload_failed = true;
    server_manager_reloaded(s,
                            "the config before is in force: the last one was refused, see the log");
}

static void in_force(struct server *s)
{
    struct server_stats *stats = &s->self.server;
    stats->reloads++;
    stats->reload_failed = false;
    stats->reload_seconds = (double)now_wall_ms() / 1000;
    stats->mapping_rules = core_mapping_rules(&s->mapping);
    LOG(LOG_INFO, "reloaded", F_U64("options_for_next_start", s->fresh.for_next_start),
        F_U64("mapping_rules", stats->mapping_rules), F_U64("series_moved", s->turn.remapped.moved),
        F_U64("series_dropped", s->turn.remapped.dropped));
    server_manager_reloaded(s, NULL);
}

static void release_fresh(struct server *s)
{
    core_mapping_release(&s->fresh.mapping);
    core_mapping_release(&s->fresh.cluster_mapping);
}

void server_reload(struct server *s)
{
    if (server_state(s) == HANDING_ON) {
        s->hand_on.reload = true;
        return;
    }
    if (s->acceptor != NULL)
        acceptor_reload(s->acceptor);
    server_web_reload(&s->web, s->http);
    server_confine_explain(s);
    if (s->reload_turn != 0) {
        s->reload_again = true;
        return;
    }
    server_manager_reloading(s);
    if (reload_read(s->config, s->source, &s->fresh) < 0) {
        refused(s);
        return;
    }
    refused_log_lines(&s->refused, s->fresh.log_rejected);
    if (server_state(s) == RUNNING)
        server_mirror_set(&s->mirror, &s->fresh.mirror);
    if (server_state(s) != RUNNING) {
        LOG(LOG_INFO, "reloaded", F_STR("but", "stopping: the mapping stays"));
        server_manager_stopping(s);
        release_fresh(s);
        return;
    }
    int rc = turn_remap(&s->turn, &s->fresh.mapping, &s->reload_turn);
    if (rc < 0) {
        LOG(LOG_ERROR, "reload refused", F_STR("error", err_text(rc)));
        release_fresh(s);
        refused(s);
    }
}

void server_reload_turned(struct server *s)
{
    if (s->reload_turn == 0 || s->turn.done < s->reload_turn)
        return;
    s->reload_turn = 0;
    if (s->cluster != NULL && s->fresh.cluster_mapping.profiles != NULL)
        cluster_page_remap(s->cluster, &s->fresh.cluster_mapping);
    core_mapping_release(&s->fresh.cluster_mapping);
    s->fresh.cluster_mapping = (struct core_mapping){ 0 };
    server_explain_anew(s);
    core_mapping_release(&s->mapping);
    s->mapping = s->fresh.mapping;
    s->fresh.mapping = (struct core_mapping){ 0 };
    in_force(s);
    bool again = s->reload_again;
    s->reload_again = false;
    if (again)
        server_reload(s);
}
