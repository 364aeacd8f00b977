/*
 * Either end is killed at each step, and at any moment: a process of its own, by SIGKILL.  Who is
 * left reads, or says that it does not.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/loop_until.h"
#include "support/takeover_rig.h"

static void wait_for(pid_t pid, int signal)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(signal == 0 ? WIFEXITED(status) && WEXITSTATUS(status) == 0
                            : WIFSIGNALED(status) && WTERMSIG(status) == signal);
}

/* ---- the new one dies ---- */

static const struct {
    enum rig_stop at;
    unsigned pauses, resumes;
    bool left;
} new_dies[] = {
    { STOP_AT_START, 0, 0, false }, { STOP_AT_PREPARE, 0, 0, false },
    { STOP_AT_ADOPT, 1, 1, false }, { STOP_AT_LOAD, 1, 1, false },
    { STOP_AT_END, 1, 0, true }, /* it had the byte */
};

/* In a process of its own: until it dies. */
static void be_the_new_one(struct rig *old, enum rig_stop at)
{
    struct rig r;
    rig_init_at(&r, old->path);
    r.new.stop = at;
    r.new.way = BY_DEATH;
    if (taker_connect(&r.new.opts, r.path, &r.new.taker) < 0)
        _exit(1);
    if (at == STOP_AT_START)
        kill(getpid(), SIGKILL);
    (void)rig_until(&r, rig_is_settled);
    _exit(2); /* it should not live */
}

static bool old_has_heard(void *rig)
{
    struct rig *r = rig;
    return r->old.left || r->old.failed[0] != '\0';
}

static void where_the_new_one_dies_the_old_one_goes_on_unless_the_byte_is_gone(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(new_dies); i++) {
        struct rig r;
        rig_init(&r);
        r.old.n_streams = 3;
        rig_listen(&r);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            be_the_new_one(&r, new_dies[i].at);
        assert_true(rig_until(&r, old_has_heard));
        wait_for(pid, SIGKILL);
        assert_int_equal(r.old.left, new_dies[i].left);
        assert_int_equal(r.old.reads, !new_dies[i].left);
        assert_int_equal(r.old.pauses, new_dies[i].pauses);
        assert_int_equal(r.old.resumes, new_dies[i].resumes);
        rig_release(&r);
    }
}

/* ---- the old one dies ---- */

static const struct {
    enum rig_stop at;
    bool owns; /* the new one: what was in the pipe when the old one died is there */
} old_dies[] = {
    { STOP_AT_START, false },
    { STOP_AT_PAUSE, false },
    { STOP_AT_END, true },
};

static void be_the_old_one(struct rig *new, enum rig_stop at, int told)
{
    struct rig r;
    rig_init_at(&r, new->path);
    r.old.stop = at;
    r.old.way = BY_DEATH;
    if (giver_listen(&r.old.opts, r.path, &r.old.giver) < 0 || write(told, "!", 1) != 1)
        _exit(1);
    r.old.reads = true;
    while (!r.old.left)
        uv_run(&r.loop, UV_RUN_ONCE);
    _exit(2);
}

static void where_the_old_one_dies_the_new_one_reads_only_with_the_byte(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(old_dies); i++) {
        struct rig r;
        int told[2];
        char byte;
        rig_init(&r);
        assert_int_equal(pipe(told), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            be_the_old_one(&r, old_dies[i].at, told[1]);
        assert_int_equal(read(told[0], &byte, 1), 1);
        close(told[0]);
        close(told[1]);
        rig_connect(&r);
        assert_true(rig_until(&r, rig_is_settled));
        wait_for(pid, SIGKILL);
        assert_int_equal(r.new.owns, old_dies[i].owns);
        assert_int_equal(r.new.gave_up, !old_dies[i].owns);
        rig_release(&r);
    }
}

/* ---- one of them dies at any moment ---- */

enum { ROUNDS = 120, TOLD_MS = 30 };

/* What both have said; it outlives them. */
static struct said {
    _Atomic bool old_reads, new_owns, both;
    _Atomic bool old_left, new_gave_up;
} * said;

static void say_pause(void *cookie)
{
    struct rig_old *o = cookie;
    said->old_reads = false;
    giver_paused(o->giver, memfd_create("state", MFD_CLOEXEC));
}

static void say_resume(void *unused)
{
    (void)unused;
    said->both = said->both || said->new_owns; /* also where that one is dead by now */
    said->old_reads = true;
}

static void say_leave(void *unused)
{
    (void)unused;
    said->old_left = true;
}

static void say_load(void *cookie, int fd, uint64_t bytes)
{
    struct rig_new *t = cookie;
    (void)bytes;
    close(fd);
    taker_loaded(t->taker);
}

static void say_own(void *unused)
{
    (void)unused;
    said->both = said->both || said->old_reads;
    said->new_owns = true;
}

static void say_give_up(void *unused, const char *why)
{
    (void)unused;
    (void)why;
    said->new_gave_up = true;
}

static bool new_has_said(void *unused)
{
    (void)unused;
    return said->new_owns || said->new_gave_up;
}

static bool old_has_settled(void *unused)
{
    (void)unused;
    return said->old_reads || said->old_left;
}

/* Until `told` is closed: the other one is dead. */
static void live_as_the_old_one(const char *path, int ready, int told)
{
    struct rig r;
    char byte;
    rig_init_at(&r, path);
    r.old.opts.pause = say_pause;
    r.old.opts.resume = say_resume;
    r.old.opts.leave = say_leave;
    said->old_reads = true;
    if (giver_listen(&r.old.opts, r.path, &r.old.giver) < 0)
        _exit(1);
    close(ready);
    while (recv(told, &byte, 1, MSG_DONTWAIT) != 0)
        loop_for(&r.loop, 1);
    loop_for(&r.loop, TOLD_MS);
    bool settled = rig_until(&r, old_has_settled);
    _exit(settled ? 0 : 2);
}

static void live_as_the_new_one(const char *path)
{
    struct rig r;
    rig_init_at(&r, path);
    r.new.opts.load = say_load;
    r.new.opts.own = say_own;
    r.new.opts.give_up = say_give_up;
    if (taker_connect(&r.new.opts, r.path, &r.new.taker) < 0)
        say_give_up(NULL, "");
    else if (!rig_until(&r, new_has_said))
        _exit(2);
    _exit(0);
}

static void at_any_moment_a_death_leaves_one_owner_at_most(void **unused)
{
    (void)unused;
    unsigned taken = 0, kept = 0;
    said = mmap(NULL, sizeof *said, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(said != MAP_FAILED);
    /* A slow machine takes longer to hand on than the usual rounds wait. */
    for (unsigned round = 0; round < ROUNDS || (taken == 0 && round < 50 * ROUNDS); round++) {
        struct rig r; /* for its path alone */
        int ready[2], told[2];
        char byte;
        bool kill_old = round % 2 == 0;
        rig_init(&r);
        *said = (struct said){ 0 };
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ready), 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, told), 0);
        pid_t old = fork();
        if (old == 0) {
            close(ready[0]);
            close(told[0]);
            live_as_the_old_one(r.path, ready[1], told[1]);
        }
        close(ready[1]);
        close(told[1]);
        assert_int_equal(recv(ready[0], &byte, 1, 0), 0);
        close(ready[0]);
        pid_t new = fork();
        if (new == 0) {
            close(told[0]);
            live_as_the_new_one(r.path);
        }
        usleep(round * 40); /* from before the link to after its end */
        assert_int_equal(kill(kill_old ? old : new, SIGKILL), 0);
        int status;
        assert_int_equal(waitpid(kill_old ? old : new, &status, 0), kill_old ? old : new);
        close(told[0]);
        assert_int_equal(waitpid(kill_old ? new : old, &status, 0), kill_old ? new : old);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert_false(said->both);
        if (kill_old)
            assert_true(said->new_owns || said->new_gave_up);
        else
            assert_true(said->old_reads != said->old_left);
        taken += said->new_owns;
        kept += said->old_reads;
        rig_release(&r);
    }
    assert_true(taken > 0 && kept > 0);
    munmap(said, sizeof *said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_the_new_one_dies_the_old_one_goes_on_unless_the_byte_is_gone),
        cmocka_unit_test(where_the_old_one_dies_the_new_one_reads_only_with_the_byte),
        cmocka_unit_test(at_any_moment_a_death_leaves_one_owner_at_most),
    };
    return cmocka_run_group_tests_name("takeover, with deaths", tests, NULL, NULL);
}
