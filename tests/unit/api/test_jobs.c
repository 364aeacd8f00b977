/* Answers that are made in slices: in turn, bounded, each answered once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "api/jobs.h"
#include "base/mem.h"
#include "base/now.h"

/* Counts down; the answer has a letter for each slice. */
struct countdown {
    char letter;
    unsigned left;
    struct rig *rig;
};

struct rig {
    uv_loop_t loop;
    struct api_jobs jobs;
    struct buf order; /* a letter for each slice of all */
    unsigned freed, done;
    char waits; /* the job of that letter does, for so many looks */
    unsigned looks;
    struct {
        struct http_request *request;
        enum api_status status;
        size_t len;
    } answers[API_JOBS_MAX];
};

static bool some(void *job, uint64_t until_ns, struct buf *out, enum api_status *ret)
{
    struct countdown *c = job;
    assert_true(until_ns <= now_mono_ns() + API_JOB_SLICE_NS);
    buf_append_char(out, c->letter);
    buf_append_char(&c->rig->order, c->letter);
    if (--c->left > 0)
        return true;
    *ret = c->letter == 'x' ? API_400 : API_200;
    return false;
}

static bool waits(const void *job)
{
    const struct countdown *c = job;
    struct rig *g = c->rig;
    return c->letter == g->waits && g->looks > 0 && g->looks-- > 0;
}

static void countdown_free(void *job)
{
    ((struct countdown *)job)->rig->freed++;
    free(job);
}

static void on_done(void *rig, struct http_request *r, enum api_status status, struct buf *json)
{
    struct rig *g = rig;
    g->answers[g->done].request = r;
    g->answers[g->done].status = status;
    g->answers[g->done++].len = json->len;
    buf_release(json);
}

static struct http_request *request_of(char letter)
{
    return (struct http_request *)(uintptr_t)letter; /* NOLINT(performance-no-int-to-ptr) */
}

static void add(struct rig *g, char letter, unsigned slices)
{
    static const struct api_job_ops ops = { some, countdown_free, waits };
    struct countdown *c = mem_zalloc(sizeof *c);
    *c = (struct countdown){ letter, slices, g };
    api_jobs_add(&g->jobs, request_of(letter), &(struct api_later){ &ops, c });
}

static void rig_init(struct rig *g)
{
    *g = (struct rig){ .freed = 0 };
    assert_int_equal(uv_loop_init(&g->loop), 0);
    api_jobs_init(&g->jobs, &g->loop, on_done, g);
}

static void rig_release(struct rig *g)
{
    uv_close((uv_handle_t *)&g->jobs.working, NULL);
    uv_close((uv_handle_t *)&g->jobs.look, NULL);
    uv_run(&g->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&g->loop), 0);
    buf_release(&g->order);
}

static void jobs_take_turns_and_are_answered_once(void **unused)
{
    struct rig g;
    (void)unused;
    rig_init(&g);
    add(&g, 'a', 3);
    add(&g, 'x', 1);
    add(&g, 'c', 2);
    uv_run(&g.loop, UV_RUN_DEFAULT); /* ends: with no job left nothing keeps it */
    assert_int_equal(g.order.len, 6);
    assert_memory_equal(g.order.ptr, "ax", 2);
    assert_int_equal(g.done, 3);
    assert_int_equal(g.freed, 3);
    assert_ptr_equal(g.answers[0].request, request_of('x'));
    assert_int_equal(g.answers[0].status, API_400);
    assert_int_equal(g.answers[0].len, 1);
    for (unsigned i = 1; i < 3; i++) {
        assert_int_equal(g.answers[i].status, API_200);
        assert_int_equal(g.answers[i].len, g.answers[i].request == request_of('a') ? 3 : 2);
    }
    rig_release(&g);
}

static void a_round_of_the_loop_has_one_slice(void **unused)
{
    struct rig g;
    (void)unused;
    rig_init(&g);
    add(&g, 'a', 100);
    add(&g, 'b', 100);
    for (unsigned i = 1; i <= 10; i++) {
        uv_run(&g.loop, UV_RUN_NOWAIT);
        assert_int_equal(g.order.len, i);
    }
    assert_memory_equal(g.order.ptr, "ababababab", 10);
    uv_run(&g.loop, UV_RUN_DEFAULT);
    rig_release(&g);
}

static void one_that_waits_holds_up_nobody_and_the_loop_rests(void **unused)
{
    struct rig g;
    (void)unused;
    rig_init(&g);
    g.waits = 'a';
    g.looks = 5;
    add(&g, 'a', 1);
    add(&g, 'b', 2);
    for (unsigned rounds = 0; rounds < 3; rounds++)
        uv_run(&g.loop, UV_RUN_NOWAIT);
    assert_memory_equal(g.order.ptr, "bb", 2);
    assert_int_equal(g.done, 1);
    assert_false(uv_is_active((uv_handle_t *)&g.jobs.working));
    uv_run(&g.loop, UV_RUN_DEFAULT);
    assert_int_equal(g.looks, 0);
    assert_int_equal(g.order.len, 3);
    assert_int_equal(g.done, 2);
    rig_release(&g);
}

static void so_many_are_at_work_and_no_more(void **unused)
{
    struct rig g;
    (void)unused;
    rig_init(&g);
    for (unsigned i = 0; i < API_JOBS_MAX; i++) {
        assert_true(api_jobs_room(&g.jobs));
        add(&g, (char)('a' + i), 2);
    }
    assert_false(api_jobs_room(&g.jobs));
    uv_run(&g.loop, UV_RUN_DEFAULT);
    assert_true(api_jobs_room(&g.jobs));
    assert_int_equal(g.done, API_JOBS_MAX);
    rig_release(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_take_turns_and_are_answered_once),
        cmocka_unit_test(a_round_of_the_loop_has_one_slice),
        cmocka_unit_test(one_that_waits_holds_up_nobody_and_the_loop_rests),
        cmocka_unit_test(so_many_are_at_work_and_no_more),
    };
    return cmocka_run_group_tests_name("jobs", tests, NULL, NULL);
}
