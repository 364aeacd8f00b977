/**
 * counters: the tables of numbers that the parts of the server tell about themselves.
 *
 * Each part has one table beside the code that counts, made of rows in an X-macro.  The program
 * stacks the tables: what is shown, which names are reserved and what `statsd describe metrics`
 * says all come from them.
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
    const char *labels;     /* their names, separated by commas; "": one line, without labels */
    const char *help;
};

/* Where the lines of one row go: a text, a sum ... */
struct counter_lines {
    /* labels: a value of any bytes for each name of the row's labels; NULL where there are none */
    void (*put)(struct counter_lines *to, const char *const *labels, double value);
};

static inline void counter_put(struct counter_lines *to, const char *const *labels, double value)
{
    to->put(to, labels, value);
}

struct counter_table {
    const struct counter_row *rows;
    size_t n;
    /* Put the lines of a row, none or more.  of: the part that counts, see struct counter_source */
    void (*read)(const void *of, size_t row, struct counter_lines *to);
};

/* A part that runs, to be read by its table. */
struct counter_source {
    const struct counter_table *table;
    const void *of;         /* NULL: the part is turned off, and its rows are not shown */
};

/* The only line of a row without labels, or the sum of all its lines. */
double counter_sum(const struct counter_source *s, size_t row);

#define COUNTER_ROW_(id, name, kind, labels, help)  { name, COUNTER_KIND_##kind, labels, help },
#define COUNTER_NAME_(id, name, kind, labels, help) name,

/* The names of a table, each with a comma behind it, to be stacked in one array. */
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
