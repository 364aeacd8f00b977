/*
 * What outlives the process: server.state_dir.
 *
 *   server_state_open     at the start, before anything is built: the folder is ours
 *   server_state_load     at the start, when all else runs and before anything is merged
 *     claim                 from then on nobody reads it again, even if it is what kills us
 *     refuse                what is damaged is set aside
 *   server_state_save     at the stop, when all is merged and no sink sends any more
 *   server_snapshot.c     between: gauges and sets, in slices
 *
 * A state is read once: it is gone from the disk before anything of it is shown or sent.  After a
 * crash a counter of an older state would be below what was scraped, and a Prometheus would add all
 * of it again.  Gauges alone may be read again.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "app/server_priv.h"
#include "app/server_state.h"
#include "base/err.h"
#include "base/now.h"

struct state_parts server_state_parts(struct server *s)
{
    enum server_state state = server_state(s);
    bool over = state == HANDING_ON || (state == STARTING && s->taking.asked);
    return (struct state_parts){ .instance = s->config->server_instance,
                                 .registry = s->registry,
                                 .carried = &s->self.carried,
                                 .sinks = &s->sinks,
                                 .sockets = over ? &s->sockets : NULL };
}

struct state_clock server_state_clock(struct server *s)
{
    return (struct state_clock){ .mono_ns = now_mono_ns(),
                                 .wall_ms = now_wall_ms(),
                                 .zero_ms = scrape_zero_ms(s->scrape),
                                 .interval_start_ms = s->interval_start_ms,
                                 .interval_ms = server_interval_ms(s) };
}

static bool is_on(const struct server *s)
{
    return s->state_file.dir >= 0;
}

int server_state_open(struct server *s)
{
    const char *dir = s->config->server_state_dir;
    s->state_file = (struct state_file){ .dir = -1, .fd = -1 };
    s->started_ns = now_mono_ns();
    if (dir[0] == '\0')
        return 0;
    int rc = state_file_open_dir(&s->state_file, dir);
    const char *remedy = "make the folder, and let the user of this process write to it";
    if (rc == -EWOULDBLOCK)
        remedy = "another server has it: give each its own server.state_dir";
    if (rc < 0)
        LOG(LOG_ERROR, "cannot use server.state_dir", F_STR("dir", dir),
            F_STR("error", err_text(rc)), F_STR("remedy", remedy));
    return rc;
}

int server_state_usable(struct server *s)
{
    const char *dir = s->config->server_state_dir;
    if (!is_on(s) || s->taking.same_dir)
        return 0;
    if (faccessat(s->state_file.dir, ".", R_OK | W_OK | X_OK, AT_EACCESS) < 0) {
        int rc = -errno;
        LOG(LOG_ERROR, "cannot use server.state_dir", F_STR("dir", dir),
            F_STR("error", err_text(rc)), F_STR("remedy", "chown it to server.user"));
        return rc;
    }
    if (state_file_is_open_to_others(&s->state_file))
        LOG(LOG_WARN, "other users can write to server.state_dir", F_STR("dir", dir),
            F_STR("risk", "they can take the saved state away, or put back an older one"),
            F_STR("remedy", "chown it to the user of this process, and chmod 700"));
    return 0;
}

void server_state_close(struct server *s)
{
    state_file_close_dir(&s->state_file);
    carried_release(&s->self.carried);
}

/* ---- the start ---- */

/* `name` is not read, by this process or a later one: set aside, or where that fails not written
 * over. */
static void refuse(struct server *s, const char *name, int error, const char *why)
{
    char aside[STATE_FILE_TEXT] = "";
    struct state_file *f = &s->state_file;
    state_file_close(f);
    int rc = state_file_set_aside(f, aside);
    if (rc < 0)
        name = state_file_at_hand(f);
    LOG(LOG_ERROR, "saved state not used: starting empty",
        F_STR("file", s->config->server_state_dir), F_STR("name", name),
        F_STR("reason", why != NULL ? why : err_text(error)),
        F_STR("set_aside_as", rc == 0 ? aside : ""), F_STR("error", rc < 0 ? err_text(rc) : ""),
        F_STR("remedy", rc < 0 ? "move it away: nothing is saved as long as it is there" : ""));
}

static void log_loaded(const struct state_file *f, const struct state_owner *owner,
                       const struct state_loaded *l, uint64_t begun_ns)
{
    int64_t age_ms = now_wall_ms() - owner->wall_ms;
    LOG(LOG_INFO, "saved state loaded", F_STR("of", owner->gauges_only ? "gauges" : "all"),
        F_U64("lines", l->lines), F_U64("idle", l->idle), F_U64("left_out", l->left_out),
        F_I64("age_ms", age_ms), F_U64("bytes", f->bytes),
        F_U64("took_ms", (now_mono_ns() - begun_ns) / 1000000));
    if (l->unclaimed > 0)
        LOG(LOG_WARN, "what was saved for redis is left out: redis.url is not set",
            F_U64("records", l->unclaimed));
    if (!owner->gauges_only)
        return;
    LOG(LOG_WARN, "the last process did not stop by itself: counters and timers begin at 0",
        F_I64("last_written_ms_ago", age_ms),
        F_STR("lost", "what came since, and its open interval"),
        F_U64("unacknowledged_intervals", owner->waiting_intervals),
        F_U64("unacknowledged_series", owner->waiting_series));
}

int server_state_read(struct server *s, struct state_file *f, struct state_owner *owner,
                      const char **ret_why)
{
    const struct records_source from = state_file_source(f);
    const struct state_parts parts = server_state_parts(s);
    const struct state_clock now = server_state_clock(s);
    uint64_t begun_ns = now_mono_ns();
    struct state_loaded loaded;
    int rc = state_check(&from, parts.instance, owner, ret_why);
    if (rc == 0)
        rc = state_file_rewind(f);
    if (rc == 0) {
        rc = state_load(&from, &parts, owner, &now, s->started_ns, &loaded);
        *ret_why = loaded.why;
    }
    if (rc == 0)
        log_loaded(f, owner, &loaded, begun_ns);
    return rc;
}

/* returns  whether there is one, and it is ours to read: claimed */
static bool claim(struct server *s)
{
    struct state_file *f = &s->state_file;
    const char *why = NULL;
    if (state_file_left(f))
        refuse(s, state_file_at_hand(f), 0, "a process died while it read this");
    if (f->stuck)
        return false;
    int rc = state_file_open(f);
    if (rc == -ENOENT) {
        LOG(LOG_INFO, "no saved state", F_STR("dir", s->config->server_state_dir));
        return false;
    }
    if (rc == -EPERM)
        why = "it is another user's, or no plain file";
    if (rc == 0 && (rc = state_file_claim(f)) < 0)
        why = "it cannot be renamed, and may be read once only";
    if (rc < 0)
        refuse(s, STATE_FILE_NAME, rc, why);
    return rc == 0;
}

void server_state_load(struct server *s)
{
    struct state_owner owner = { 0 };
    const char *why = NULL;
    assert(server_state(s) == STARTING && s->turn.begun == 0);
    if (!is_on(s) || !claim(s))
        return;
    int rc = server_state_read(s, &s->state_file, &owner, &why);
    if (rc < 0) {
        refuse(s, STATE_FILE_NAME, rc, why);
        return;
    }
    state_file_close(&s->state_file);
    /* Gauges may be read again, as long as newer ones take their place. */
    bool stays = owner.gauges_only && s->config->server_state_interval_ms > 0;
    rc = stays ? state_file_return(&s->state_file) : state_file_consume(&s->state_file);
    if (rc < 0)
        LOG(LOG_WARN, "what was read stays in server.state_dir: the next start sets it aside",
            F_STR("dir", s->config->server_state_dir), F_STR("error", err_text(rc)));
}

/* ---- the stop ---- */

int server_state_write(struct server *s, struct state_file *f)
{
    struct state_parts parts = server_state_parts(s);
    const struct state_clock clock = server_state_clock(s);
    const struct records_sink sink = state_file_sink(f);
    struct records_writer w;
    struct selfmetrics all;
    selfmetrics_gather(&s->self, &all);
    parts.counters = all.sources;
    records_begin(&w, &sink, STATE_VERSION);
    size_t left_out = state_save(&w, &parts, &clock);
    if (left_out > 0)
        LOG(LOG_WARN, "lines too large for the saved state, or of too many settings",
            F_U64("left_out", left_out));
    return records_end(&w);
}

static int write_file(struct server *s)
{
    int rc = state_file_create(&s->state_file);
    if (rc < 0)
        return rc;
    rc = server_state_write(s, &s->state_file);
    if (rc == 0)
        return state_file_commit(&s->state_file);
    state_file_give_up(&s->state_file);
    return rc;
}

void server_state_save(struct server *s)
{
    if (!is_on(s))
        return;
    server_manager_saving(s);
    uint64_t begun_ns = now_mono_ns();
    int rc = write_file(s);
    if (rc == 0) {
        sink_list_saved(&s->sinks);
        LOG(LOG_INFO, "state saved", F_STR("dir", s->config->server_state_dir),
            F_U64("bytes", s->state_file.bytes),
            F_U64("took_ms", (now_mono_ns() - begun_ns) / 1000000));
        server_give_up(s);
        return;
    }
    s->status = 1;
    server_give_up(s);
    LOG(LOG_ERROR, "cannot save the state: the next start begins at 0",
        F_STR("dir", s->config->server_state_dir), F_STR("error", err_text(rc)));
}
