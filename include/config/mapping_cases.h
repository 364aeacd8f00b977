/**
 * mapping_cases: a test file of a mapping file: lines that come in, and what /metrics shows then.
 *
 *     - mapping: airflow.yml         the mapping file, from this file's folder; may be left out
 *     - name: a finished task        what the case says
 *       lines: |                     StatsD, one line each
 *         airflow.ti.finish.etl.load.success:1|c
 *       expect: |                    exactly these lines of /metrics; "" for none
 *         airflow_ti_finish{dag_id="etl",state="success",task_id="load"} 1
 *       absent: |                    none of these; for cases without expect
 *         airflow_ti_finish_etl_load_success 1
 *
 * A case has expect, absent or both.  Every mistake is told at once, as of a mapping file.
 *   thread   any; reads a disk
 */
#ifndef CONFIG_MAPPING_CASES_H
#define CONFIG_MAPPING_CASES_H

#include <stddef.h>

#include "base/buf.h"
#include "base/slice.h"

enum { MAPPING_CASES_MAX = 100000 };

struct mapping_case {
    unsigned line; /* in the file, from 1 */
    char *name, *lines;
    char *expect, *absent; /* NULL: not given */
};

struct mapping_cases {
    char *path;
    char *mapping; /* as a path that can be opened; NULL: the file names none */
    struct mapping_case *cases;
    size_t n; /* >= 1 */
};

/**
 * mapping_cases_load(path, ret, ret_errors):
 *   ret      to be released
 *   returns  0; -EINVAL with ret untouched and a line (with LF) in ret_errors for each mistake
 */
int mapping_cases_load(const char *path, struct mapping_cases *ret, struct buf *ret_errors);

/* The same with the file's text in memory; path stands for it in messages.  For fuzzing. */
int mapping_cases_load_text(const char *path, struct slice text, struct mapping_cases *ret,
                            struct buf *ret_errors);

void mapping_cases_release(struct mapping_cases *c); /* { 0 } is fine */

#endif
