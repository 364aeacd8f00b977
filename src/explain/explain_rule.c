#include "explain/explain_rule.h"

#include "base/buf.h"

void explain_rules_init(struct explain_rules *r, const struct config *c,
                        const struct core_mapping *mapping, size_t looks)
{
    size_t regexes = 0;
    for (size_t i = 0; i < mapping_rules(mapping->mapping); i++)
        regexes += mapping_rule_at(mapping->mapping, i)->regex;
    *r = (struct explain_rules){ .file = c->prometheus_mapping,
                                 .mapping = mapping,
                                 .scratch = mapping_scratch_new(mapping->mapping),
                                 .misses = json_object() };
    if (regexes > looks / EXPLAIN_LOOKS_A_REGEX)
        return;
    r->near = mapping_near_new(mapping->mapping);
    r->looks = looks - regexes * EXPLAIN_LOOKS_A_REGEX;
}

void explain_rules_release(struct explain_rules *r)
{
    mapping_scratch_free(r->scratch);
    mapping_near_free(r->near);
    json_decref(r->misses);
    *r = (struct explain_rules){ 0 };
}

bool explain_rules_prepare(struct explain_rules *r)
{
    return r->near != NULL && mapping_near_prepare(r->near);
}

/* A rule's own text may be anything that YAML can say; what is no text for JSON is left out. */
static void set_text(json_t *j, const char *key, const char *text)
{
    json_t *value = json_string(text);
    if (value != NULL)
        json_object_set_new(j, key, value);
}

static json_t *rule_object(const struct mapping_rule *rule)
{
    json_t *j = json_object();
    json_object_set_new(j, "line", json_integer(rule->line));
    set_text(j, "match", rule->match);
    return j;
}

/* returns  the near miss, or null */
static json_t *look_for_near_miss(struct explain_rules *r, struct slice name, enum mapping_class c,
                                  const struct mapping_rule *match)
{
    const struct mapping_rule *rule;
    struct buf why = { 0 };
    if (!mapping_near_miss(r->near, name, c, match, &rule, &why))
        return json_null();
    json_t *miss = rule_object(rule);
    json_object_set_new(miss, "why", json_stringn(why.len > 0 ? why.ptr : "", why.len));
    buf_release(&why);
    return miss;
}

/* Once for each name and class: a datagram often has a name many times. */
static void add_near_miss(struct explain_rules *r, struct slice name, enum mapping_class c,
                          const struct mapping_rule *match, json_t *j)
{
    const size_t looks = mapping_rules(r->mapping->mapping);
    struct buf key = { 0 };
    buf_printf(&key, "%d ", (int)c);
    buf_append_slice(&key, name);
    json_t *miss = json_object_getn(r->misses, key.ptr, key.len);
    if (miss == NULL && r->near != NULL && looks <= r->looks) {
        r->looks -= looks;
        miss = look_for_near_miss(r, name, c, match);
        json_object_setn_new_nocheck(r->misses, key.ptr, key.len, miss);
    }
    buf_release(&key);
    r->left_out += miss == NULL;
    if (json_is_object(miss))
        json_object_set(j, "near_miss", miss);
}

/* NULL: the sample is not dropped */
static const char *dropped(const struct mapping_match *match)
{
    struct buf name = { 0 };
    if (match->rule->drop)
        return "rule";
    mapping_name(match, &name);
    bool empty = name.len == 0;
    buf_release(&name);
    return empty ? "empty_name" : NULL;
}

json_t *explain_rule(struct explain_rules *r, const struct sample *s,
                     const struct profile **ret_profile)
{
    struct slice name = slice_of(s->name, s->name_len);
    enum mapping_class c = mapping_class_of((enum sample_type)s->type);
    struct mapping_match match;
    bool found = mapping_find(r->mapping->mapping, r->scratch, name, c, &match);
    json_t *j = found ? rule_object(match.rule) : json_object();
    set_text(j, "file", r->file);
    *ret_profile = profiles_at(r->mapping->profiles, found ? match.rule->profile : 0);
    if (found) {
        const char *why = dropped(&match);
        json_object_set_new(j, "action", json_string(match.rule->drop ? "drop" : "map"));
        if (why != NULL)
            json_object_set_new(j, "dropped", json_string(why));
    }
    enum gauge_merge merge = (*ret_profile)->gauge_merge;
    if (s->type == SAMPLE_GAUGE && merge != GAUGE_MERGE_LATEST)
        json_object_set_new(j, "gauge_merge", json_string(gauge_merge_name(merge)));
    add_near_miss(r, name, c, match.rule, j);
    return j;
}
