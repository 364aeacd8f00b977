#include "aggregate/counters.h"

#include "aggregate/check_board.h"

static const char *reason_of(unsigned i)
{
    return reason_name((enum reason)i);
}

static const char *drop_of(unsigned i)
{
    static const char *const words[] = {
#define X(id, word) word,
        INGEST_DROPS(X)
#undef X
    };
    return words[i];
}

static const char *alert_of(unsigned i)
{
    return event_alert_word((enum event_alert)i);
}

static const char *status_of(unsigned i)
{
    return check_status_word((enum check_status)i);
}

static void put_each(struct counter_lines *to, const uint64_t *v, unsigned n,
                     const char *(*label_of)(unsigned i))
{
    for (unsigned i = 0; i < n; i++) {
        const char *label = label_of(i);
        counter_put(to, &label, (double)v[i]);
    }
}

static void read_ingest(const void *of, size_t row, struct counter_lines *to)
{
    const struct ingest_totals *t = of;
    switch ((enum ingest_counter)row) {
    case INGEST_REJECTED:
        put_each(to, t->rejected, REASON_COUNT, reason_of);
        break;
    case INGEST_SAMPLES_DROPPED:
        put_each(to, t->counters.dropped, INGEST_DROP_COUNT, drop_of);
        break;
    case INGEST_EVENTS:
        put_each(to, t->counters.events, EVENT_ALERT_COUNT, alert_of);
        break;
    case INGEST_SERVICE_CHECKS:
        put_each(to, t->counters.checks, CHECK_STATUS_COUNT, status_of);
        break;
    default:
        counter_put(to, NULL, (double)t->counters.v[row]);
        break;
    }
}

const struct counter_table ingest_counters = COUNTERS_TABLE(INGEST_COUNTERS, read_ingest);

static void read_events(const void *of, size_t row, struct counter_lines *to)
{
    static const char *const full = "ring_full";
    const struct event_totals *t = of;
    switch ((enum event_counter)row) {
    case EVENT_COUNTER_EVENTS_DROPPED:
        counter_put(to, &full, (double)t->dropped[EVENT_ENTRY]);
        break;
    case EVENT_COUNTER_CHECKS_DROPPED:
        counter_put(to, &full, (double)t->dropped[CHECK_ENTRY]);
        break;
    case EVENT_COUNTER_CHECK_STATUS:
        if (t->board != NULL)
            check_board_put(t->board, to);
        break;
    case EVENT_COUNTER_CHECK_STATUS_REFUSED:
        for (unsigned i = 0; t->board != NULL && i < CHECK_REFUSAL_COUNT; i++) {
            const char *why = check_refusal_word((enum check_refusal)i);
            counter_put(to, &why, (double)check_board_refused(t->board, (enum check_refusal)i));
        }
        break;
    case EVENT_COUNTER_COUNT:
        break;
    }
}

const struct counter_table event_counters = COUNTERS_TABLE(EVENT_COUNTERS, read_events);
