/**
 * counters: tables of the counters and gauges with which a server reports on itself.
 *
 * Each part of the server has one table, beside the code that counts; its rows are an X-macro.  The
 * program joins the tables into one list: the exposition, the reserved names and `statsd describe
 * metrics` all come from that list.
 *
 *     #define POND_COUNTERS(X)                                                             \
 *         X(FROGS, "statsd_pond_frogs_total", COUNTER, "", "Frogs that were counted.")     \
 *         X(DEPTH, "statsd_pond_depth_meters", GAUGE, "basin", "Depth of the water.")
 *
 *     enum pond_counter {
 *     #define X(id, name, kind, labels, help) POND_##id,
 *         POND_COUNTERS(X)
 *     #undef X
 *     };
 *
 *     static void pond_read(const void *of, size_t row, struct counter_lines *to)
 *     {
 *         const struct pond *p = of;
 *         if (row == POND_FROGS)
 *             counter_put(to, NULL, (double)p->frogs);
 *         for (size_t i = 0; row == POND_DEPTH && i < p->n_basins; i++)
 *             counter_put(to, (const char *const[]){ p->basin[i].name }, p->basin[i].depth);
 *     }
 *     const struct counter_table pond_counters = COUNTERS_TABLE(POND_COUNTERS, pond_read);
 *
 * Names end in their unit, those of counters in _total; a help text is a sentence.
 *   thread   tables are constant; read is called by the thread that shows them
 */
#ifndef BASE_COUNTERS_H
#define BASE_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

enum counter_kind { COUNTER_KIND_COUNTER, COUNTER_KIND_GAUGE };

enum { COUNTER_LABELS_MAX = 2 };

struct counter_row {
    const char *name;
    enum counter_kind kind;
    const char *labels; /* names, separated by commas; "": the row is one line without labels */
    const char *help;
};

/* Receives the lines of a row: a writer of text, a sum ... */
struct counter_lines {
    /* labels: a value (any bytes) for each name in the row's labels; NULL when the row has none */
    void (*put)(struct counter_lines *to, const char *const *labels, double value);
};

static inline void counter_put(struct counter_lines *to, const char *const *labels, double value)
{
    to->put(to, labels, value);
}

struct counter_table {
    const struct counter_row *rows;
    size_t n;
    /* Put the lines of a row, any number of them.  of: see struct counter_source */
    void (*read)(const void *of, size_t row, struct counter_lines *to);
};

/* A table and the object that its read function takes the values from. */
struct counter_source {
    const struct counter_table *table;
    const void *of; /* NULL: that part of the server is off and its rows are not shown */
};

/* The value of a row, or the sum over its lines if it has labels.  0 when the part is off. */
double counter_sum(const struct counter_source *s, size_t row);

#define COUNTER_ROW_(id, name, kind, labels, help)  { name, COUNTER_KIND_##kind, labels, help },
#define COUNTER_NAME_(id, name, kind, labels, help) name,

/* The names of a table, each followed by a comma, for an array of the names of several tables. */
#define COUNTERS_NAMES(ROWS) ROWS(COUNTER_NAME_)

/* An initializer of a struct counter_table. */
#define COUNTERS_TABLE(ROWS, reader)                                                               \
    {                                                                                              \
        .rows = (const struct counter_row[]){ ROWS(COUNTER_ROW_) },                                \
        .n = sizeof((const struct counter_row[]){ ROWS(COUNTER_ROW_) }) /                          \
             sizeof(struct counter_row),                                                           \
        .read = (reader),                                                                          \
    }

#endif
