/*
 *     capturing_begin    capturing_taps_begin: which socket is at which place of a worker
 *     start              capture_start: its thread makes a file
 *     on_timer           while there is a capture
 *       starting         there is a file -> begun: the workers copy from the next read on
 *       on               a limit was met, or the disk fails -> let_go
 *       letting_go       no worker has a tap -> capture_finish
 *       finishing        the file is finished -> finished
 */
#include "app/capturing.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "app/capturing_taps.h"
#include "base/err.h"
#include "base/log.h"
#include "base/now.h"

enum { LOOK_MS = 20, MS = 1000, READY_MS = 1000, END_MS = 5000 };

static void capturing_check(const struct capturing *c)
{
    assert((c->phase == CAPTURING_OFF) == (c->running == NULL));
    assert(c->running == NULL || c->dir >= 0);
    assert(c->failed <= c->asked && c->n <= c->asked);
}

/* ---- the folder ---- */

static int refuse_dir(const struct config *config, int rc, const char *remedy)
{
    LOG(LOG_ERROR, "cannot use capture.dir", F_STR("dir", config->capture_dir),
        F_STR("error", err_text(rc)), F_STR("remedy", remedy));
    return rc;
}

int capturing_open(struct capturing *c, const struct config *config)
{
    c->config = config;
    c->dir = -1;
    if (config->capture_dir[0] == '\0')
        return 0;
    c->dir = (int)TEMP_FAILURE_RETRY(open(config->capture_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return c->dir < 0 ? refuse_dir(config, -errno, "make the folder") : 0;
}

int capturing_usable(const struct capturing *c)
{
    if (c->dir < 0 || faccessat(c->dir, ".", R_OK | W_OK | X_OK, AT_EACCESS) == 0)
        return 0;
    return refuse_dir(c->config, -errno, "let the user of this process write to it");
}

/* ---- its steps ---- */

static void let_go(struct capturing *c, enum capture_end why)
{
    assert(c->phase == CAPTURING_ON);
    c->phase = CAPTURING_LETTING_GO;
    c->end = why;
    capturing_taps_turn(&c->taps, false);
}

/* returns  whether all that is shown is of a capture that goes on */
static bool has_begun(const struct capturing *c)
{
    return c->phase != CAPTURING_OFF && c->phase != CAPTURING_STARTING;
}

/* seen: with a file */
static void show_begun(struct capturing *c, const struct capture_seen *seen)
{
    const struct capturing_next *next = &c->next;
    c->phase = CAPTURING_ON;
    c->seen = *seen;
    c->share = next->share;
    c->until_ms = next->until_ms;
    c->dropped = 0;
    c->n++;
    LOG(LOG_INFO, "capture begun", F_STR("dir", c->config->capture_dir), F_STR("file", seen->file),
        F_NUM("share", c->share), F_U64("max_bytes", next->max_bytes),
        F_U64("seconds", next->seconds));
}

/* seen: its first look */
static void begun(struct capturing *c, const struct capture_seen *seen)
{
    show_begun(c, seen);
    capturing_taps_turn(&c->taps, true);
    if (c->next.unwanted)
        let_go(c, CAPTURE_END_ASKED);
}

static void log_failure(const struct capturing *c, const char *error)
{
    LOG(LOG_ERROR, "cannot capture", F_STR("dir", c->config->capture_dir), F_STR("error", error));
}

/* The thread has ended, without a file.  error  0: it was not wanted any more */
static void not_begun(struct capturing *c, int error)
{
    c->running = NULL;
    c->phase = CAPTURING_OFF;
    capturing_taps_free(&c->taps);
    uv_timer_stop(&c->timer);
    if (error < 0) {
        c->failed = c->asked;
        c->error = error;
        log_failure(c, err_text(error));
    }
    capturing_check(c);
}

static void starting(struct capturing *c, unsigned wait_ms)
{
    struct capture_seen seen;
    capture_await(c->running, wait_ms, &seen);
    if (seen.began) {
        begun(c, &seen);
    } else if (seen.ended) {
        capture_finish(c->running);
        if (capture_join(c->running, 0, &seen)) /* as it has ended */
            not_begun(c, seen.error);
    }
}

static void log_end(const struct capturing *c)
{
    const bool failed = c->end == CAPTURE_END_ERROR;
    LOG(failed ? LOG_ERROR : LOG_INFO, "capture ended", F_STR("reason", capture_end_name(c->end)),
        F_STR("error", failed ? err_text(c->seen.error) : ""), F_STR("dir", c->config->capture_dir),
        F_STR("file", c->seen.file), F_U64("packets", c->seen.packets),
        F_U64("bytes", c->seen.bytes), F_U64("dropped", c->dropped + c->seen.lost));
}

/* The thread has ended. */
static void finished(struct capturing *c)
{
    c->running = NULL;
    c->phase = CAPTURING_OFF;
    if (c->seen.over == CAPTURE_END_ERROR) /* the disk may fail when the file is finished */
        c->end = CAPTURE_END_ERROR;
    c->dropped = capturing_taps_dropped(&c->taps);
    capturing_taps_free(&c->taps);
    c->past.packets += c->seen.packets;
    c->past.bytes += c->seen.bytes;
    c->past.dropped_buffer += c->dropped;
    c->past.dropped_disk += c->seen.lost;
    c->past.ends[c->end]++;
    uv_timer_stop(&c->timer);
    log_end(c);
    capturing_check(c);
}

static void on_timer(uv_timer_t *timer)
{
    struct capturing *c = timer->data;
    capturing_check(c);
    if (c->phase == CAPTURING_STARTING)
        starting(c, 0);
    if (!has_begun(c))
        return;
    capture_look(c->running, &c->seen);
    if (c->phase == CAPTURING_ON && c->seen.over != CAPTURE_GOES_ON)
        let_go(c, c->seen.over);
    if (c->phase == CAPTURING_LETTING_GO && capturing_taps_let_go(&c->taps)) {
        c->phase = CAPTURING_FINISHING;
        capture_finish(c->running);
    }
    if (c->phase == CAPTURING_FINISHING && capture_join(c->running, 0, &c->seen))
        finished(c);
}

/* ---- what is asked for ---- */

static uint64_t bytes_of(const struct capturing *c, const struct api_capture_ask *ask)
{
    return ask->max_bytes > 0 ? ask->max_bytes : c->config->capture_max_bytes;
}

/* returns  NULL, or why not, for people */
static const char *what_is_wrong(const struct capturing *c, const struct api_capture_ask *ask)
{
    const struct config *k = c->config;
    if (c->dir < 0)
        return "capture.dir is not set: there is no folder for it";
    if (c->phase != CAPTURING_OFF)
        return "a capture runs, or its file is being finished; state=off ends it";
    if (ask->share > k->capture_share)
        return "share is more than capture.share";
    if (k->capture_max_bytes > 0 && ask->max_bytes > k->capture_max_bytes)
        return "max_bytes is more than capture.max_bytes";
    return NULL;
}

static int start(void *capturing, const struct api_capture_ask *ask, uint64_t *ret_number,
                 const char **ret_why)
{
    struct capturing *c = capturing;
    const struct config *k = c->config;
    *ret_why = what_is_wrong(c, ask);
    if (*ret_why != NULL)
        return -EINVAL;
    const struct capturing_next next = {
        .share = ask->share > 0 ? ask->share : k->capture_share,
        .until_ms = ask->seconds > 0 ? now_wall_ms() + (int64_t)ask->seconds * MS : 0,
        .seconds = ask->seconds,
        .max_bytes = bytes_of(c, ask),
    };
    capturing_taps_make(&c->taps, next.share, (uint32_t)k->capture_snaplen);
    const struct capture_opts o = { .dir = c->dir,
                                    .snaplen = (uint32_t)k->capture_snaplen,
                                    .max_bytes = next.max_bytes,
                                    .file_bytes = k->capture_max_file_bytes,
                                    .max_files = (unsigned)k->capture_max_files,
                                    .until_ms = next.until_ms,
                                    .sockets = c->taps.sockets,
                                    .n_sockets = c->taps.n_listeners,
                                    .feeds = c->taps.feeds,
                                    .n_feeds = c->taps.n_workers };
    int rc = capture_start(&o, &c->running);
    if (rc < 0) {
        capturing_taps_free(&c->taps);
        *ret_why = err_text(rc);
        return rc;
    }
    c->phase = CAPTURING_STARTING;
    c->next = next;
    *ret_number = ++c->asked;
    uv_timer_start(&c->timer, on_timer, LOOK_MS, LOOK_MS);
    return 0;
}

static int started(const void *capturing, uint64_t number, const char **ret_why)
{
    const struct capturing *c = capturing;
    if (c->phase == CAPTURING_STARTING && number == c->asked)
        return -EAGAIN;
    if (number != c->failed)
        return 0;
    *ret_why = err_text(c->error);
    return -EIO;
}

static void stop(void *capturing)
{
    struct capturing *c = capturing;
    if (c->phase == CAPTURING_STARTING)
        c->next.unwanted = true;
    if (c->phase == CAPTURING_ON)
        let_go(c, CAPTURE_END_ASKED);
}

static const char *state_of(const struct capturing *c)
{
    static const char *const states[] = { "off", "starting", "on", "stopping", "stopping" };
    const bool unwanted = c->phase == CAPTURING_STARTING && c->next.unwanted;
    return unwanted ? "stopping" : states[c->phase];
}

static void show(const void *capturing, struct api_capture_view *ret)
{
    const struct capturing *c = capturing;
    const char *why = c->phase == CAPTURING_OFF && c->n > 0 ? capture_end_why(c->end) : NULL;
    if (why != NULL && c->end == CAPTURE_END_ERROR)
        why = err_text(c->seen.error);
    *ret = (struct api_capture_view){
        .state = why != NULL ? "stopped" : state_of(c),
        .why = why,
        .dir = c->dir >= 0 ? c->config->capture_dir : NULL,
        .file = c->n > 0 ? c->seen.file : NULL,
        .share = c->n > 0 ? c->share : c->config->capture_share,
        .until_ms = c->until_ms,
        .packets = c->seen.packets,
        .bytes = c->seen.bytes,
        .dropped = c->seen.lost + (has_begun(c) ? capturing_taps_dropped(&c->taps) : c->dropped),
        .files = c->seen.files,
    };
}

/* ---- life ---- */

int capturing_begin(struct capturing *c, uv_loop_t *loop)
{
    c->api = (struct api_capture){
        .show = show, .start = start, .started = started, .stop = stop, .cookie = c
    };
    c->timer.data = c;
    capturing_taps_begin(&c->taps);
    return uv_timer_init(loop, &c->timer);
}

void capturing_ready(struct capturing *c)
{
    const char *why = "";
    uint64_t number;
    if (!c->config->capture_start)
        return;
    if (start(c, &(struct api_capture_ask){ 0 }, &number, &why) < 0)
        log_failure(c, why);
    else
        starting(c, READY_MS);
}

/* returns  false: the disk hangs */
static bool end_within(struct capturing *c, unsigned wait_ms)
{
    struct capture_seen seen;
    const bool had_begun = has_begun(c);
    capture_finish(c->running);
    if (!capture_join(c->running, wait_ms, &seen))
        return false;
    if (!seen.began) {
        not_begun(c, seen.error);
        return true;
    }
    if (!had_begun) { /* it got its file only now: nothing is in it */
        show_begun(c, &seen);
        c->end = CAPTURE_END_SHUTDOWN;
    }
    c->seen = seen;
    finished(c);
    return true;
}

void capturing_end(struct capturing *c)
{
    if (c->phase == CAPTURING_OFF)
        return;
    if (c->phase == CAPTURING_ON)
        c->end = CAPTURE_END_SHUTDOWN;
    if (!end_within(c, END_MS))
        LOG(LOG_ERROR, "the disk does not take the end of the capture, which is left behind",
            F_STR("dir", c->config->capture_dir), F_STR("file", has_begun(c) ? c->seen.file : ""),
            F_STR("remedy", "see what holds up the disk; the file may lack its last packets"));
}

void capturing_close(struct capturing *c)
{
    if (c->phase != CAPTURING_OFF) /* left behind: its thread may still look at all of it */
        return;
    capturing_taps_end(&c->taps);
    if (c->dir >= 0)
        (void)close(c->dir);
    c->dir = -1;
}

void capturing_stats(const struct capturing *c, struct capture_stats *ret)
{
    *ret = c->past;
    ret->on = has_begun(c);
    ret->files = c->seen.files;
    if (!ret->on)
        return;
    ret->packets += c->seen.packets;
    ret->bytes += c->seen.bytes;
    ret->dropped_buffer += capturing_taps_dropped(&c->taps);
    ret->dropped_disk += c->seen.lost;
}
