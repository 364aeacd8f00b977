#include "api/times.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "base/number.h"

/* returns  0: that is no unit */
static int64_t unit_ms(char unit)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {
        { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 }, { 'd', 86400000 }, { 'w', 604800000 },
    };
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (units[i].unit == unit)
            return units[i].ms;
    return 0;
}

static bool parse_ago(struct slice s, int64_t now_ms, int64_t *ret_ms)
{
    int64_t n, unit = s.len > 1 ? unit_ms(s.ptr[s.len - 1]) : 0;
    if (unit == 0 || !number_parse_int(slice_of(s.ptr, s.len - 1), &n))
        return false;
    *ret_ms = n > now_ms / unit ? 0 : now_ms - n * unit;
    return true;
}

static bool parse_seconds(struct slice s, int64_t *ret_ms)
{
    static const double year_10000 = 253402300800;
    double seconds;
    if (!number_parse(s, &seconds) || seconds < 0 || seconds >= year_10000)
        return false;
    *ret_ms = llround(seconds * 1000);
    return true;
}

/* A number of that many digits within range, cut off s. */
static bool cut_number(struct slice *s, size_t digits, const int range[2], int *ret)
{
    int64_t n;
    if (s->len < digits || !number_parse_int(slice_of(s->ptr, digits), &n) || n < range[0] ||
        n > range[1])
        return false;
    *ret = (int)n;
    *s = slice_of(s->ptr + digits, s->len - digits);
    return true;
}

/* returns  '\0': the next byte is none of these */
static char cut_sign(struct slice *s, const char *signs)
{
    if (s->len == 0 || s->ptr[0] == '\0' || strchr(signs, s->ptr[0]) == NULL)
        return '\0';
    char c = s->ptr[0];
    *s = slice_of(s->ptr + 1, s->len - 1);
    return c;
}

/* ".5": thousandths, the rest of the digits is dropped. */
static bool cut_fraction(struct slice *s, int64_t *ret_ms)
{
    int64_t ms = 0, weight = 100;
    size_t n = 0;
    *ret_ms = 0;
    if (cut_sign(s, ".") == '\0')
        return true;
    for (; n < s->len && s->ptr[n] >= '0' && s->ptr[n] <= '9'; n++, weight /= 10)
        ms += weight * (s->ptr[n] - '0');
    *s = slice_of(s->ptr + n, s->len - n);
    *ret_ms = ms;
    return n > 0;
}

static const int years[] = { 0, 9999 }, months[] = { 1, 12 }, days[] = { 1, 31 };
static const int hours[] = { 0, 23 }, minutes[] = { 0, 59 }, seconds[] = { 0, 60 };

/* "Z" or "+01:00": how far local time is ahead of UTC. */
static bool cut_zone(struct slice *s, int64_t *ret_ms)
{
    int h, m;
    *ret_ms = 0;
    if (cut_sign(s, "Zz") != '\0')
        return true;
    char sign = cut_sign(s, "+- ");
    if (sign == '\0' || !cut_number(s, 2, hours, &h) || cut_sign(s, ":") == '\0' ||
        !cut_number(s, 2, minutes, &m))
        return false;
    *ret_ms = (h * 60 + m) * unit_ms('m') * (sign == '-' ? -1 : 1);
    return true;
}

static bool parse_rfc3339(struct slice s, int64_t *ret_ms)
{
    struct tm tm = { 0 };
    int year, month;
    int64_t ms, ahead_ms;
    if (!cut_number(&s, 4, years, &year) || !cut_sign(&s, "-") ||
        !cut_number(&s, 2, months, &month) || !cut_sign(&s, "-") ||
        !cut_number(&s, 2, days, &tm.tm_mday) || !cut_sign(&s, "Tt ") ||
        !cut_number(&s, 2, hours, &tm.tm_hour) || !cut_sign(&s, ":") ||
        !cut_number(&s, 2, minutes, &tm.tm_min) || !cut_sign(&s, ":") ||
        !cut_number(&s, 2, seconds, &tm.tm_sec) || !cut_fraction(&s, &ms) ||
        !cut_zone(&s, &ahead_ms) || s.len > 0)
        return false;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    const int day = tm.tm_mday, second = tm.tm_sec;
    tm.tm_sec = 0;
    int64_t at_s = timegm(&tm);
    if (tm.tm_mday != day) /* 31 April became 1 May */
        return false;
    *ret_ms = (at_s + second) * 1000 + ms - ahead_ms;
    return true;
}

bool api_time_parse(struct slice s, int64_t now_ms, int64_t *ret_ms)
{
    if (s.len > 0 && s.ptr[0] == '-')
        return parse_ago(slice_of(s.ptr + 1, s.len - 1), now_ms, ret_ms);
    return parse_seconds(s, ret_ms) || parse_rfc3339(s, ret_ms);
}

void api_time_print(uint64_t ms, char ret[API_TIME_TEXT])
{
    struct tm tm;
    time_t at_s = (time_t)(ms / 1000);
    gmtime_r(&at_s, &tm);
    size_t n = strftime(ret, API_TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(ret + n, API_TIME_TEXT - n, ".%03uZ", (unsigned)(ms % 1000));
}
