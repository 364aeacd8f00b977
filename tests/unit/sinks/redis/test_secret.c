#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/slice.h"
#include "sinks/redis/login.h"
#include "sinks/redis/secret.h"

static char dir[] = "/tmp/statsd-secret-XXXXXX";

static void write_file(const char *name, struct slice text, mode_t mode)
{
    unlink(name);
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.ptr, text.len), text.len);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void a_password_is_the_one_line_of_its_file(void **state)
{
    static char longest[REDIS_SECRET_MAX + 3], longer[REDIS_SECRET_MAX + 2];
    memset(longest, 'x', sizeof longest);
    memset(longer, 'x', sizeof longer);
    memcpy(longest + REDIS_SECRET_MAX, "\r\n", 2);
    const struct {
        struct slice text;
        size_t len;        /* of the password */
        const char *error; /* or what is wrong */
    } cases[] = {
        { SLICE_LIT("secret"), 6, NULL },
        { SLICE_LIT("secret\n"), 6, NULL },
        { SLICE_LIT("secret\r\n"), 6, NULL },
        { SLICE_LIT(" s e\tc "), 7, NULL }, /* blanks are part of it */
        { SLICE_LIT("\xff\xfe"), 2, NULL },
        { slice_of(longest, REDIS_SECRET_MAX + 2), REDIS_SECRET_MAX, NULL },
        { slice_of(longest, REDIS_SECRET_MAX), REDIS_SECRET_MAX, NULL },
        { slice_of(longer, REDIS_SECRET_MAX + 1), 0, "longer" },
        { SLICE_LIT(""), 0, "empty" },
        { SLICE_LIT("\n"), 0, "empty" },
        { SLICE_LIT("\r\n"), 0, "empty" },
        { SLICE_LIT("secret\n\n"), 0, "more than one line" },
        { SLICE_LIT("user secret\n# comment\n"), 0, "more than one line" },
        { SLICE_LIT("sec\0ret"), 0, "NUL" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *got = NULL;
        const char *error = NULL;
        write_file("secret", cases[i].text, 0600);
        int rc = redis_secret_read("secret", &got, NULL, &error);
        assert_int_equal(rc, cases[i].error == NULL ? 0 : -EINVAL);
        if (rc == 0) {
            assert_int_equal(strlen(got), cases[i].len);
            assert_memory_equal(got, cases[i].text.ptr, cases[i].len);
        } else if (strstr(error, cases[i].error) == NULL) {
            fail_msg("case %zu: %s", i, error);
        }
        redis_secret_forget(got);
    }
}

static void what_is_no_readable_file_is_told(void **state)
{
    static const struct {
        const char *path;
        int rc;
        const char *error;
    } cases[] = {
        { "missing", -ENOENT, "No such file" },
        { ".", -EINVAL, "no file" },
        { "fifo", -EINVAL, "no file" },
        { "secret/below", -ENOTDIR, "Not a directory" },
    };
    (void)state;
    assert_int_equal(mkfifo("fifo", 0600), 0);
    write_file("secret", SLICE_LIT("x"), 0600);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *got = NULL;
        const char *error = NULL;
        assert_int_equal(redis_secret_read(cases[i].path, &got, NULL, &error), cases[i].rc);
        assert_null(got);
        assert_non_null(strstr(error, cases[i].error));
    }
    unlink("fifo");
}

static void a_file_that_all_may_read_is_warned_of(void **state)
{
    static const struct {
        mode_t mode;
        bool warned;
    } cases[] = { { 0600, false }, { 0640, false }, { 0644, true }, { 0602, true } };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf errors = { 0 }, warnings = { 0 };
        write_file("secret", SLICE_LIT("pw\n"), cases[i].mode);
        const struct redis_files files = { .password = "secret" };
        assert_int_equal(redis_files_check("redis://h", &files, &errors, &warnings), 0);
        assert_int_equal(errors.len, 0);
        assert_int_equal(warnings.len > 0, cases[i].warned);
        buf_append_char(&warnings, '\0');
        if (cases[i].warned)
            assert_non_null(strstr(warnings.ptr, "chmod 0640"));
        buf_release(&warnings);
    }
}

static void each_file_that_is_wrong_is_told_at_once(void **state)
{
    struct buf errors = { 0 }, warnings = { 0 };
    const struct redis_files files = {
        .password = "no-password",
        .sentinel_password = "no-sentinel",
        .tls_ca = "no-ca",
        .tls_cert = "no-cert",
        .tls_key = "no-key",
    };
    (void)state;
    const char *url = "rediss+sentinel://h/m";
    assert_int_equal(redis_url_check(url, &files, NULL), 0);
    assert_int_equal(redis_files_check(url, &files, &errors, &warnings), -EINVAL);
    buf_append_char(&errors, '\0');
    assert_non_null(strstr(errors.ptr, "no-password: No such file"));
    assert_non_null(strstr(errors.ptr, "no-sentinel: No such file"));
    assert_non_null(strstr(errors.ptr, "no-cert: "));
    buf_release(&errors);
    buf_release(&warnings);
}

static void files_that_do_not_fit_the_url_are_told(void **state)
{
    static const struct {
        const char *url;
        struct redis_files files;
        const char *error; /* NULL: they fit */
    } cases[] = {
        { "redis://h", { .password = "f" }, NULL },
        { "redis://me@h", { .password = "f" }, NULL },
        { "unix:///s", { .password = "f" }, NULL },
        { "redis://me@h", { .password = "" }, "redis.password_file" },
        { "redis://:pw@h", { .password = "f" }, "keep one" },
        { "redis://h", { .tls_ca = "f" }, "rediss://" },
        { "redis://h", { .tls_cert = "f", .tls_key = "f" }, "rediss://" },
        { "unix:///s", { .tls_ca = "f" }, "rediss://" },
        { "rediss://h", { .tls_ca = "f" }, NULL },
        { "rediss://h", { .tls_cert = "f" }, "both" },
        { "rediss://h", { .tls_key = "f" }, "both" },
        { "rediss://h", { .tls_cert = "f", .tls_key = "f" }, NULL },
        { "redis://h", { .sentinel_password = "f" }, "redis+sentinel://" },
        { "redis+sentinel://h/m", { .sentinel_password = "f", .password = "f" }, NULL },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *error = NULL;
        int rc = redis_url_check(cases[i].url, &cases[i].files, &error);
        assert_int_equal(rc, cases[i].error == NULL ? 0 : -EINVAL);
        if (rc < 0 && strstr(error, cases[i].error) == NULL)
            fail_msg("case %zu: %s", i, error);
    }
}

static void a_login_gives_the_password_as_the_file_is_now(void **state)
{
    static const struct redis_files files = { .password = "secret", .sentinel_password = "other" };
    uv_loop_t loop;
    struct redis_login *l;
    char *got, why[128];
    (void)state;
    uv_loop_init(&loop);
    write_file("secret", SLICE_LIT("one\n"), 0600);
    write_file("other", SLICE_LIT("sesam"), 0600);
    assert_int_equal(redis_login_new(&loop, "redis+sentinel://me@h/m", &files, &l), 0);
    assert_int_equal(redis_login_password(l, redis_login_url(l), false, &got, why, sizeof why), 0);
    assert_string_equal(got, "one");
    redis_secret_forget(got);
    write_file("secret", SLICE_LIT("two"), 0600);
    assert_int_equal(redis_login_password(l, redis_login_url(l), false, &got, why, sizeof why), 0);
    assert_string_equal(got, "two");
    redis_secret_forget(got);
    assert_int_equal(redis_login_password(l, redis_login_url(l), true, &got, why, sizeof why), 0);
    assert_string_equal(got, "sesam");
    redis_secret_forget(got);
    unlink("secret");
    assert_int_equal(redis_login_password(l, redis_login_url(l), false, &got, why, sizeof why),
                     -ENOENT);
    assert_null(got);
    assert_string_equal(why, "redis.password_file: No such file or directory");
    redis_login_free(l);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void a_login_with_a_bad_file_is_refused(void **state)
{
    static const struct redis_files files = { .password = "missing" };
    uv_loop_t loop;
    struct redis_login *l;
    (void)state;
    uv_loop_init(&loop);
    assert_int_equal(redis_login_new(&loop, "redis://h", &files, &l), -EINVAL);
    assert_int_equal(redis_login_new(&loop, "redis://", NULL, &l), -EINVAL);
    assert_int_equal(uv_loop_close(&loop), 0); /* it holds nothing */
}

static int enter(void **state)
{
    (void)state;
    return mkdtemp(dir) == NULL || chdir(dir) < 0 ? -1 : 0;
}

static int leave(void **state)
{
    (void)state;
    unlink("secret");
    unlink("other");
    return chdir("/") < 0 ? -1 : rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_password_is_the_one_line_of_its_file),
        cmocka_unit_test(what_is_no_readable_file_is_told),
        cmocka_unit_test(a_file_that_all_may_read_is_warned_of),
        cmocka_unit_test(each_file_that_is_wrong_is_told_at_once),
        cmocka_unit_test(files_that_do_not_fit_the_url_are_told),
        cmocka_unit_test(a_login_gives_the_password_as_the_file_is_now),
        cmocka_unit_test(a_login_with_a_bad_file_is_refused),
    };
    return cmocka_run_group_tests_name("redis_secret", tests, enter, leave);
}
