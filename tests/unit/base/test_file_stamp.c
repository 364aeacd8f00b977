#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file_stamp.h"

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void a_file_that_is_not_there_has_the_stamp_of_none(void **state)
{
    const struct file_stamp none = { 0 };
    (void)state;
    const struct file_stamp a = file_stamp(NULL), b = file_stamp("/no/such");
    assert_true(file_stamp_eq(&a, &none) && file_stamp_eq(&b, &none));
}

static void a_stamp_stays_until_the_file_changes(void **state)
{
    char path[] = "/tmp/stamp-XXXXXX", other[sizeof path + 2];
    const struct file_stamp none = { 0 };
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    snprintf(other, sizeof other, "%s.b", path);
    put(path, "a");
    const struct file_stamp a = file_stamp(path), again = file_stamp(path);
    assert_false(file_stamp_eq(&a, &none));
    assert_true(file_stamp_eq(&a, &again));
    put(path, "ab");
    const struct file_stamp longer = file_stamp(path);
    assert_false(file_stamp_eq(&a, &longer));
    put(other, "ab");
    assert_int_equal(rename(other, path), 0);
    const struct file_stamp replaced = file_stamp(path);
    assert_false(file_stamp_eq(&longer, &replaced));
    unlink(path);
}

static void each_part_of_a_stamp_tells_them_apart(void **state)
{
    const struct file_stamp a = {
        .dev = 1, .ino = 2, .size = 3, .modified = { 4, 5 }, .changed = { 6, 7 }
    };
    struct file_stamp others[] = { a, a, a, a, a, a, a };
    (void)state;
    others[0].dev++;
    others[1].ino++;
    others[2].size++;
    others[3].modified.tv_sec++;
    others[4].modified.tv_nsec++;
    others[5].changed.tv_sec++;
    others[6].changed.tv_nsec++;
    assert_true(file_stamp_eq(&a, &a));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(file_stamp_eq(&a, &others[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_is_not_there_has_the_stamp_of_none),
        cmocka_unit_test(a_stamp_stays_until_the_file_changes),
        cmocka_unit_test(each_part_of_a_stamp_tells_them_apart),
    };
    return cmocka_run_group_tests_name("file_stamp", tests, NULL, NULL);
}
