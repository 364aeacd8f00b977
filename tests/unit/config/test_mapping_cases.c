#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/slice.h"
#include "config/mapping_cases.h"

static char path[] = "/tmp/cases.XXXXXX";

/* returns  of mapping_cases_load */
static int load(const char *text, struct mapping_cases *ret, struct buf *errors)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    return mapping_cases_load(path, ret, errors);
}

static void a_file_is_a_mapping_and_cases(void **state)
{
    (void)state;
    struct mapping_cases c;
    struct buf errors = { 0 };
    static const char text[] = "- mapping: m.yml\n"
                               "- name: one\n"
                               "  lines: |\n"
                               "    a:1|c\n"
                               "    b:1|c\n"
                               "  expect: |\n"
                               "    a 1\n"
                               "- &two\n"
                               "  name: two\n"
                               "  lines: \"c:1|c\"\n"
                               "  absent: c 1\n"
                               "- {<<: *two, name: 3, expect: ''}\n";
    assert_int_equal(load(text, &c, &errors), 0);
    assert_string_equal(c.mapping, "/tmp/m.yml");
    assert_int_equal(c.n, 3);
    assert_string_equal(c.cases[0].name, "one");
    assert_string_equal(c.cases[0].lines, "a:1|c\nb:1|c\n");
    assert_string_equal(c.cases[0].expect, "a 1\n");
    assert_null(c.cases[0].absent);
    assert_int_equal(c.cases[0].line, 2);
    assert_null(c.cases[1].expect);
    assert_string_equal(c.cases[1].absent, "c 1");
    assert_string_equal(c.cases[2].name, "3");
    assert_string_equal(c.cases[2].expect, "");
    assert_string_equal(c.cases[2].lines, "c:1|c");
    mapping_cases_release(&c);
    assert_int_equal(load("- {name: x, lines: 'a:1|c', expect: a 1}\n", &c, &errors), 0);
    assert_null(c.mapping);
    mapping_cases_release(&c);
    assert_int_equal(
        load("- mapping: /etc/m.yml\n- {name: x, lines: '', expect: ''}\n", &c, &errors), 0);
    assert_string_equal(c.mapping, "/etc/m.yml");
    mapping_cases_release(&c);
    assert_int_equal(errors.len, 0);
}

#define CASE "- {name: x, lines: 'a:1|c', expect: a 1}\n"

/* Each is refused with exactly these lines, behind the path. */
static void every_mistake_is_told_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want[3];
    } rows[] = {
        { "", { ":1: there is no case in it" } },
        { "~\n", { ":1: there is no case in it" } },
        { "# only this\n", { ":1: there is no case in it" } },
        { "- mapping: m.yml\n", { ":1: there is no case in it" } },
        { "mapping: m.yml\n", { ":1: the file has to be a list" } },
        { "text\n", { ":1: the file has to be a list" } },
        { CASE "- mapping: m.yml\n", { ":2: mapping: stands in the first element" } },
        { CASE "- name: x\n  mapping: m.yml\n  lines: x\n  expect: x\n",
          { ":3: mapping: stands in the first element" } },
        { "- mapping:\n" CASE, { ":1: mapping: names no file" } },
        { "- mapping: ''\n" CASE, { ":1: mapping: '' names no file" } },
        { "- mapping: [m.yml]\n" CASE, { ":1: mapping: is a list; write a text" } },
        { "- mapping: m.yml\n  name: x\n" CASE, { ":2: name: belongs to a case of its own" } },
        { CASE "- text\n", { ":2: keys are wanted here" } },
        { CASE "- [a]\n", { ":2: keys are wanted here" } },
        { CASE "- name: x\n  lines: 'a:1|c'\n", { ":2: the case expects nothing" } },
        { CASE "- name: x\n  expect: a\n", { ":2: the case has no lines" } },
        { CASE "- lines: x\n  expect: a\n", { ":2: the case has no name" } },
        { "- name: x\n  lines: x\n  expct: a\n  expect: ''\n",
          { ":3: expct: no such key here; did you mean expect?" } },
        { "- name: x\n  name: y\n  lines: x\n  expect: a\n",
          { ":2: name: given twice, first on line 1" } },
        { "- name: x\n  lines: [x]\n  expect: a\n", { ":2: lines: is a list; write a text" } },
        { "- name: x\n  line: x\n  lines: x\n  expect: a\n", { ":2: line: write lines" } },
        { CASE "- {name: x\n", { ":3: " } },
        { "- name: x\n\tlines: x\n", { ":2: " } },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mapping_cases c = { 0 };
        struct buf errors = { 0 };
        struct slice rest, line;
        size_t n = 0;
        if (load(rows[i].text, &c, &errors) == 0)
            fail_msg("accepted:\n%s", rows[i].text);
        for (rest = buf_slice(&errors); slice_cut(&rest, '\n', &line); n++) {
            const char *want = n < 3 && rows[i].want[n] != NULL ? rows[i].want[n] : "nothing";
            struct slice told = slice_of(line.ptr + strlen(path), line.len - strlen(path));
            if (!slice_starts(told, slice_str(want)))
                fail_msg("%s\nsays: %.*s\nnot:  %s", rows[i].text, (int)line.len, line.ptr, want);
        }
        assert_true(n > 0 && (n == 3 || rows[i].want[n] == NULL));
        buf_release(&errors);
    }
}

static void a_file_that_is_not_there_is_told(void **state)
{
    (void)state;
    struct mapping_cases c;
    struct buf errors = { 0 };
    assert_true(mapping_cases_load("/nowhere/\x1b.yml", &c, &errors) < 0);
    buf_append_char(&errors, '\0');
    assert_string_equal(errors.ptr,
                        "/nowhere/\\x1b.yml: cannot read the test file: No such file or "
                        "directory\n");
    buf_clear(&errors);
    assert_true(mapping_cases_load("/", &c, &errors) < 0);
    buf_append_char(&errors, '\0');
    assert_string_equal(errors.ptr, "/: cannot read the test file: Is a directory\n");
    buf_release(&errors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_a_mapping_and_cases),
        cmocka_unit_test(every_mistake_is_told_with_its_line),
        cmocka_unit_test(a_file_that_is_not_there_is_told),
    };
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    int failed = cmocka_run_group_tests_name("mapping_cases", tests, NULL, NULL);
    unlink(path);
    return failed;
}
