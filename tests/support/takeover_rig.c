#include "support/takeover_rig.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/loop_until.h"

static const char STATE[] = "all that was counted";
static const char BEGUN[] = "page.views:1|";

size_t rig_open_fds(void)
{
    size_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}

static int state_file(void)
{
    int fd = memfd_create("state", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, STATE, sizeof STATE), sizeof STATE);
    return fd;
}

static bool stops(enum rig_stop at, enum rig_stop stop, enum rig_way way)
{
    if (at == stop && way == BY_DEATH)
        kill(getpid(), SIGKILL);
    return at == stop;
}

/* ---- the old daemon ---- */

static const char *on_offer(void *cookie, const struct takeover_hello *h,
                            struct takeover_offer *ret)
{
    struct rig_old *o = cookie;
    o->offers++;
    snprintf(o->version, sizeof o->version, "%.*s", (int)h->version.len, h->version.ptr);
    o->n_wanted = h->n_wanted;
    *ret = (struct takeover_offer){ o->fds, o->n_fds };
    return stops(STOP_AT_START, o->stop, o->way) ? "not today" : NULL;
}

static void on_pause(void *cookie)
{
    struct rig_old *o = cookie;
    assert_true(o->reads);
    o->pauses++;
    o->reads = false;
    if (stops(STOP_AT_PAUSE, o->stop, o->way)) {
        if (o->way == BY_REFUSING)
            giver_cannot(o->giver, "the state cannot be written");
        return;
    }
    for (size_t i = 0; i < o->n_streams; i++)
        assert_int_equal(
            giver_stream(o->giver, o->thing, slice_str("tcp://127.0.0.1:8125"), slice_str(BEGUN)),
            0);
    giver_paused(o->giver, state_file());
    (void)stops(STOP_AT_END, o->stop, o->way);
}

static void on_resume(void *cookie)
{
    struct rig_old *o = cookie;
    assert_false(o->reads || o->left);
    o->resumes++;
    o->reads = true;
}

static void on_leave(void *cookie)
{
    struct rig_old *o = cookie;
    assert_false(o->reads || o->left);
    o->left = true;
}

static void on_failed(void *cookie, const char *why)
{
    struct rig_old *o = cookie;
    snprintf(o->failed, sizeof o->failed, "%s", why);
}

/* ---- the new daemon ---- */

static void on_prepare(void *cookie, const struct takeover_fd *fds, size_t n)
{
    struct rig_new *t = cookie;
    t->names_good = true;
    for (size_t i = 0; i < n; i++) {
        char name[24];
        snprintf(name, sizeof name, "fd-%zu", i);
        t->names_good = t->names_good && strcmp(name, fds[i].name) == 0;
        t->fds[t->n_fds++] = fds[i].fd;
    }
    if (!stops(STOP_AT_PREPARE, t->stop, t->way))
        taker_ready(t->taker);
    else if (t->way == BY_REFUSING)
        taker_refuse(t->taker, "no memory for a worker");
}

static void on_adopt(void *cookie, int fd, struct slice listener, struct slice begun)
{
    struct rig_new *t = cookie;
    t->fds[t->n_fds++] = fd;
    t->n_streams++;
    t->streams_good = t->streams_good && slice_eq(begun, slice_str(BEGUN)) &&
                      slice_eq(listener, slice_str("tcp://127.0.0.1:8125"));
    (void)stops(STOP_AT_ADOPT, t->stop, t->way);
}

static void on_load(void *cookie, int fd, uint64_t bytes)
{
    struct rig_new *t = cookie;
    assert_int_equal(bytes, sizeof STATE);
    assert_int_equal(pread(fd, t->state, sizeof t->state, 0), sizeof STATE);
    close(fd);
    if (!stops(STOP_AT_LOAD, t->stop, t->way))
        taker_loaded(t->taker);
    else if (t->way == BY_REFUSING)
        taker_refuse(t->taker, "a state of a version that I do not know");
}

static void on_own(void *cookie)
{
    struct rig_new *t = cookie;
    (void)stops(STOP_AT_END, t->stop, t->way);
    assert_string_equal(t->state, STATE);
    t->control_fd = taker_take_control(t->taker);
    t->owns = true;
}

static void on_give_up(void *cookie, const char *why)
{
    struct rig_new *t = cookie;
    assert_false(t->owns || t->gave_up);
    t->gave_up = true;
    snprintf(t->why, sizeof t->why, "%s", why);
}

/* ---- life ---- */

static void make_dir(struct rig *r)
{
    snprintf(r->dir, sizeof r->dir, "/tmp/takeover-XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    snprintf(r->path, sizeof r->path, "%s/control.sock", r->dir);
}

void rig_init(struct rig *r)
{
    rig_init_at(r, NULL);
}

void rig_init_at(struct rig *r, const char *path)
{
    uv_loop_t first; /* libuv keeps two descriptors of the first loop for the process */
    assert_int_equal(uv_loop_init(&first), 0);
    assert_int_equal(uv_loop_close(&first), 0);
    memset(r, 0, sizeof *r);
    r->fds_before = rig_open_fds();
    assert_int_equal(uv_loop_init(&r->loop), 0);
    if (path == NULL)
        make_dir(r);
    else
        snprintf(r->path, sizeof r->path, "%s", path);
    r->old.thing = memfd_create("socket", MFD_CLOEXEC);
    r->old.n_fds = 3;
    for (size_t i = 0; i < RIG_FDS_MAX; i++) {
        snprintf(r->old.names[i], sizeof r->old.names[i], "fd-%zu", i);
        r->old.fds[i] = (struct takeover_fd){ r->old.names[i], r->old.thing };
    }
    r->old.opts = (struct giver_opts){ .loop = &r->loop,
                                       .uid = geteuid(),
                                       .offer = on_offer,
                                       .pause = on_pause,
                                       .resume = on_resume,
                                       .leave = on_leave,
                                       .failed = on_failed,
                                       .cookie = &r->old };
    r->new.control_fd = -1;
    r->new.streams_good = true;
    r->new.opts = (struct taker_opts){ .loop = &r->loop,
                                       .uid = geteuid(),
                                       .hello = { .state_version = 1, .version = SLICE_LIT("9") },
                                       .prepare = on_prepare,
                                       .adopt = on_adopt,
                                       .load = on_load,
                                       .own = on_own,
                                       .give_up = on_give_up,
                                       .cookie = &r->new };
}

void rig_listen(struct rig *r)
{
    assert_int_equal(giver_listen(&r->old.opts, r->path, &r->old.giver), 0);
    r->old.reads = true;
}

void rig_connect(struct rig *r)
{
    assert_int_equal(taker_connect(&r->new.opts, r->path, &r->new.taker), 0);
}

bool rig_is_settled(void *rig)
{
    struct rig *r = rig;
    assert_false(r->old.reads && r->new.owns);
    bool old = r->old.giver == NULL || r->old.left || r->old.reads;
    return old && (r->new.taker == NULL || r->new.owns || r->new.gave_up);
}

bool rig_until(struct rig *r, bool (*is_so)(void *rig))
{
    return loop_until(&r->loop, is_so, r, 20000);
}

void rig_release(struct rig *r)
{
    taker_close(r->new.taker);
    if (r->old.giver != NULL && giver_cancel(r->old.giver))
        giver_close(r->old.giver);
    assert_true(loop_drain(&r->loop, 20000));
    assert_int_equal(uv_loop_close(&r->loop), 0);
    for (size_t i = 0; i < r->new.n_fds; i++)
        close(r->new.fds[i]);
    if (r->new.control_fd >= 0)
        close(r->new.control_fd);
    close(r->old.thing);
    (void)unlink(r->path);
    assert_int_equal(rmdir(r->dir), 0);
    assert_true(r->fds_before == 0 || rig_open_fds() == r->fds_before);
}
