/*
 * The log of refused lines: how many lines it takes at most, and that what it does not show is told
 * to the last one.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/turn.h"
#include "listen/refused_log.h"
#include "base/log.h"
#include "listen/refusals_priv.h"

enum { WORKERS = 2, MINUTE_MS = 60000 };

/* Workers that never run: the test refuses in their place, and counts as a turn would. */
struct rig {
    struct series_limit limit;
    struct profiles *profiles;
    struct worker *workers[WORKERS];
    struct listener listeners[2];
    struct turn turn;
    struct refused_log log;
    int ends[2];
    char text[65536];
};

static void notify(void *unused)
{
    (void)unused;
}

static void counted(const void *turn, struct ingest_totals *ret)
{
    turn_totals(turn, ret);
}

static struct rig *rig_new(bool lines)
{
    struct rig *r = calloc(1, sizeof *r);
    assert_int_equal(series_limit_init(&r->limit, 1000), 0);
    r->profiles =
        profiles_new(&(struct profile){ .histogram = true, .sketch_schema = 5, .scale = 1 });
    struct worker_opts o = { .lane = { .parse = PARSE_OPTS_DEFAULT,
                                       .ingest = { .tags = TAGS_OPTS_DEFAULT,
                                                   .profiles = r->profiles,
                                                   .limit = &r->limit } },
                             .notify = notify };
    for (unsigned i = 0; i < WORKERS; i++)
        assert_int_equal(worker_new(&o, &r->workers[i]), 0);
    strcpy(r->listeners[0].address.name, "udp://127.0.0.1:1");
    strcpy(r->listeners[1].address.name, "udp://127.0.0.1:2");
    for (unsigned i = 0; i < 2; i++) { /* each with a socket at each worker */
        r->listeners[i].n = r->listeners[i].n_readers = WORKERS;
        r->listeners[i].places[0] = r->listeners[i].places[1] = (uint16_t)i;
    }
    r->turn.n_workers = WORKERS;
    r->log = (struct refused_log){ .workers = r->workers,
                                   .n_workers = WORKERS,
                                   .listeners = r->listeners,
                                   .n_listeners = ARRAY_LEN(r->listeners),
                                   .totals = counted,
                                   .counted = &r->turn };
    assert_int_equal(pipe(r->ends), 0);
    assert_int_equal(fcntl(r->ends[0], F_SETFL, O_NONBLOCK), 0);
    log_to_fd(r->ends[1]);
    refused_log_lines(&r->log, lines);
    return r;
}

static void rig_free(struct rig *r)
{
    log_to_fd(STDOUT_FILENO);
    close(r->ends[0]);
    close(r->ends[1]);
    for (unsigned i = 0; i < WORKERS; i++)
        worker_join(r->workers[i]);
    series_limit_release(&r->limit);
    profiles_free(r->profiles);
    free(r);
}

static void refuse(struct rig *r, unsigned worker, unsigned socket, enum reason why,
                   const char *line)
{
    struct refusals *refusals = worker_refusals(r->workers[worker]);
    refusals_begin(refusals, (struct refusals_from){ .socket = (uint16_t)socket });
    if (refusals->wanted >> why & 1)
        refusals_on_rejected(refusals, &(struct parse_error){ why, slice_str(line), 0 });
    r->turn.rejected[worker][why]++;
}

static void refuse_name(struct rig *r, const char *name)
{
    struct refusals *refusals = worker_refusals(r->workers[0]);
    refusals_begin(refusals, (struct refusals_from){ .socket = 0 });
    refusals_on_refused(refusals,
                        &(struct sample){ .name = name, .name_len = (uint32_t)strlen(name) },
                        REASON_NONE);
    r->turn.seen[0].v[INGEST_SAMPLES_REFUSED]++;
}

/* What has been logged since the last call. */
static const char *logged(struct rig *r)
{
    ssize_t n = read(r->ends[0], r->text, sizeof r->text - 1);
    r->text[n > 0 ? n : 0] = '\0';
    return r->text;
}

static unsigned count(const char *text, const char *what)
{
    unsigned n = 0;
    for (; (text = strstr(text, what)) != NULL; text += strlen(what))
        n++;
    return n;
}

static uint64_t not_shown(const char *text)
{
    uint64_t sum = 0;
    for (; (text = strstr(text, "not_shown=")) != NULL; text++)
        sum += strtoull(text + strlen("not_shown="), NULL, 10);
    return sum;
}

static void a_refused_line_is_told_with_its_listener(void **unused)
{
    (void)unused;
    struct rig *r = rig_new(true);
    assert_false(refused_log_due(&r->log, 1000));
    refuse(r, 0, 1, REASON_BAD_VALUE, "a:x\n|c");
    assert_true(refused_log_due(&r->log, 1000));
    refused_log_look(&r->log, 1000);
    assert_non_null(strstr(logged(r), "level=warn msg=rejected reason=bad_value line=\"a:x\\n|c\" "
                                      "listener=udp://127.0.0.1:2 not_shown=0\n"));
    assert_false(refused_log_due(&r->log, 1000));
    refused_log_look(&r->log, 2000);
    assert_string_equal(logged(r), "");
    rig_free(r);
}

static void a_line_that_was_cut_ends_in_dots(void **unused)
{
    (void)unused;
    struct rig *r = rig_new(true);
    char line[REFUSAL_TEXT_MAX + 2], want[REFUSAL_TEXT_MAX + 32];
    for (int over = 0; over <= 1; over++) {
        memset(line, 'x', sizeof line);
        line[REFUSAL_TEXT_MAX + over] = '\0';
        refuse(r, 0, 0, REASON_NO_COLON, line);
        refused_log_look(&r->log, 1000);
        snprintf(want, sizeof want, "line=%.*s%s listener=", REFUSAL_TEXT_MAX, line,
                 over ? "..." : "");
        assert_non_null(strstr(logged(r), want));
    }
    rig_free(r);
}

/* Over all workers, and what the two of them did not show is one sum. */
static void five_lines_of_a_reason_are_shown_a_minute_and_the_rest_is_counted(void **unused)
{
    (void)unused;
    struct rig *r = rig_new(true);
    uint64_t refused = 0, told = 0;
    unsigned shown = 0;
    for (uint64_t s = 0; s < 180; s++) {
        for (unsigned i = 0; i < 100; i++, refused++)
            refuse(r, i % WORKERS, 0, REASON_NO_TYPE, "a:1");
        if (!refused_log_due(&r->log, s * 1000))
            continue;
        refused_log_look(&r->log, s * 1000);
        const char *text = logged(r);
        unsigned lines = count(text, "line=");
        shown += lines;
        told += lines + not_shown(text);
        assert_int_equal(told, refused);
        assert_in_range(count(text, "msg=rejected"), 1, REFUSALS_A_ROUND + 1);
        assert_in_range(shown, 1, REFUSALS_A_ROUND * (s / 60 + 1));
    }
    assert_int_equal(shown, 3 * REFUSALS_A_ROUND);
    refused_log_end(&r->log, 180 * 1000);
    assert_int_equal(told + not_shown(logged(r)), refused);
    rig_free(r);
}

static void reasons_have_their_minutes_apart(void **unused)
{
    (void)unused;
    struct rig *r = rig_new(true);
    for (unsigned why = 0; why < REASON_COUNT; why++)
        for (unsigned i = 0; i < 100; i++)
            refuse(r, 0, 0, (enum reason)why, "z");
    refused_log_look(&r->log, 1000);
    const char *text = logged(r);
    assert_int_equal(count(text, "msg=rejected"), REASON_COUNT * REFUSALS_A_ROUND);
    assert_int_equal(not_shown(text), REASON_COUNT * (100 - REFUSALS_A_ROUND));
    for (unsigned why = 0; why < REASON_COUNT; why++) {
        char field[64];
        snprintf(field, sizeof field, " reason=%s ", reason_name((enum reason)why));
        assert_int_equal(count(text, field), REFUSALS_A_ROUND);
    }
    rig_free(r);
}

static void the_minute_s_end_tells_what_came_after_the_last_line(void **unused)
{
    (void)unused;
    struct rig *r = rig_new(true);
    for (unsigned i = 0; i < REFUSALS_A_ROUND; i++)
        refuse(r, 0, 0, REASON_NO_TYPE, "a:1");
    refused_log_look(&r->log, 1000);
    assert_int_equal(not_shown(logged(r)), 0);
    for (unsigned i = 0; i < 42; i++)
        refuse(r, 1, 0, REASON_NO_TYPE, "a:1");
    assert_false(refused_log_due(&r->log, 1000 + MINUTE_MS - 1));
    assert_true(refused_log_due(&r->log, 1000 + MINUTE_MS));
    refused_log_look(&r->log, 1000 + MINUTE_MS);
    assert_non_null(strstr(logged(r), "msg=rejected reason=no_type not_shown=42\n"));
    assert_false(refused_log_due(&r->log, 1000 + 2 * MINUTE_MS));
    rig_free(r);
}

/* A line may be refused between the turn that counted and the look: it is not counted twice. */
static void an_example_younger_than_the_count_is_counted_once(void **unused)
{
    (void)unused;
    struct rig *r = rig_new(true);
    refuse(r, 0, 0, REASON_NO_TYPE, "a:1");
    r->turn.rejected[0][REASON_NO_TYPE] = 0;
    refused_log_look(&r->log, 1000);
    const char *text = logged(r);
    assert_int_equal(count(text, "line="), 1);
    assert_int_equal(not_shown(text), 0);
    r->turn.rejected[0][REASON_NO_TYPE] = 1;
    refused_log_end(&r->log, 2000);
    assert_string_equal(logged(r), "");
    rig_free(r);
}

static void names_that_the_series_limit_keeps_off_the_page_are_told(void **unused)
{
    (void)unused;
    struct rig *r = rig_new(false); /* names are no secret */
    for (unsigned i = 0; i < 10; i++) {
        char name[32];
        snprintf(name, sizeof name, "over.%u", i);
        refuse_name(r, name);
        refuse_name(r, name);
    }
    refused_log_look(&r->log, 1000);
    const char *text = logged(r);
    assert_non_null(strstr(
        text, "msg=off_page reason=limit metric=over.0 listener=udp://127.0.0.1:1 not_shown=0\n"));
    assert_int_equal(count(text, "msg=off_page"), REFUSALS_A_ROUND);
    assert_int_equal(not_shown(text), 20 - REFUSALS_A_ROUND);
    rig_free(r);
}

static void no_line_is_told_where_lines_are_private_until_that_changes(void **unused)
{
    (void)unused;
    struct rig *r = rig_new(false);
    for (unsigned i = 0; i < 10; i++)
        refuse(r, 0, 0, REASON_NO_TYPE, "secret:1");
    assert_false(refused_log_due(&r->log, 1000));
    refused_log_look(&r->log, 1000);
    assert_string_equal(logged(r), "");
    refused_log_lines(&r->log, true);
    refuse(r, 0, 0, REASON_NO_TYPE, "open:1");
    refused_log_look(&r->log, 1000);
    assert_non_null(
        strstr(logged(r),
               "msg=rejected reason=no_type line=open:1 listener=udp://127.0.0.1:1 not_shown=0\n"));
    refuse(r, 0, 0, REASON_NO_TYPE, "secret:2");
    refused_log_lines(&r->log, false);
    refused_log_end(&r->log, 1000);
    assert_string_equal(logged(r), "");
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_line_is_told_with_its_listener),
        cmocka_unit_test(a_line_that_was_cut_ends_in_dots),
        cmocka_unit_test(five_lines_of_a_reason_are_shown_a_minute_and_the_rest_is_counted),
        cmocka_unit_test(reasons_have_their_minutes_apart),
        cmocka_unit_test(the_minute_s_end_tells_what_came_after_the_last_line),
        cmocka_unit_test(an_example_younger_than_the_count_is_counted_once),
        cmocka_unit_test(names_that_the_series_limit_keeps_off_the_page_are_told),
        cmocka_unit_test(no_line_is_told_where_lines_are_private_until_that_changes),
    };
    return cmocka_run_group_tests_name("refused_log", tests, NULL, NULL);
}
