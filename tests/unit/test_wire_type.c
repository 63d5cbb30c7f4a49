/* test_wire_type.c - types and classes and their names. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "avow/wire/type.h"

/* Every one of the 65536 types has a text, and the text leads back, in either case of letters. */
START_TEST(every_type_there_and_back)
{
    for (unsigned type = 0; type <= UINT16_MAX; type++) {
        char text[TYPE_MAX_TEXT], other[TYPE_MAX_TEXT];
        const char *name = type_to_text((uint16_t)type, text);
        uint16_t back = 0;

        ck_assert_msg(type_from_text(name, strlen(name), &back) == RESULT_OK && back == type, "%s",
                      name);
        size_t length = strlen(name);
        for (size_t i = 0; i < length; i++)
            other[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 32) : name[i];
        ck_assert_msg(type_from_text(other, length, &back) == RESULT_OK && back == type, "%s",
                      name);
        (void)snprintf(other, sizeof(other), "TYPE%u", type);
        ck_assert_int_eq(type_from_text(other, strlen(other), &back), RESULT_OK);
        ck_assert_uint_eq(back, type);
    }
}
END_TEST

/* So that a row cannot go missing unseen. */
START_TEST(mnemonics)
{
    static const struct {
        uint16_t type;
        const char *name;
    } some[] = {{1, "A"},           {5, "CNAME"},       {23, "NSAP-PTR"},
                {30, "NXT"},        {41, "OPT"},        {43, "DS"},
                {51, "NSEC3PARAM"}, {61, "OPENPGPKEY"}, {65, "HTTPS"},
                {66, "DSYNC"},      {109, "EUI64"},     {128, "NXNAME"},
                {250, "TSIG"},      {255, "ANY"},       {262, "WALLET"},
                {32768, "TA"},      {32769, "DLV"},     {3, "MD"},
                {54, "TYPE54"},     {263, "TYPE263"},   {65535, "TYPE65535"}};
    char text[TYPE_MAX_TEXT];

    for (size_t i = 0; i < COUNT(some); i++)
        ck_assert_str_eq(type_to_text(some[i].type, text), some[i].name);
}
END_TEST

START_TEST(refuses_what_is_no_type)
{
    static const char *const wrong[] = {
        "",       "B",      "AA",         "AAAAA",       "TYPE",      "TYPE65536",
        "TYPE-1", "TYPE1x", "TYPE000001", "NSEC3PARAMS", "NSEC3PARA", "OPENPGPKEYOPENPGPKEY"};
    uint16_t type;

    for (size_t i = 0; i < COUNT(wrong); i++) {
        uint8_t *copy = exact_copy(wrong[i], strlen(wrong[i]));
        ck_assert_msg(type_from_text((const char *)copy, strlen(wrong[i]), &type) == RESULT_FORMAT,
                      "%s", wrong[i]);
        free(copy);
    }
    ck_assert_int_eq(type_from_text("\0A", 2, &type), RESULT_FORMAT);
    ck_assert_int_eq(type_from_text("NS\0", 3, &type), RESULT_FORMAT);
    ck_assert_int_eq(type_from_text(" A", 2, &type), RESULT_FORMAT);
}
END_TEST

START_TEST(classes)
{
    static const struct {
        uint16_t class_;
        const char *name;
    } rows[] = {{1, "IN"},
                {3, "CH"},
                {4, "HS"},
                {254, "NONE"},
                {255, "ANY"},
                {2, "CLASS2"},
                {65535, "CLASS65535"}};
    char text[TYPE_MAX_TEXT];
    uint16_t back;

    for (size_t i = 0; i < COUNT(rows); i++) {
        ck_assert_str_eq(class_to_text(rows[i].class_, text), rows[i].name);
        ck_assert_int_eq(class_from_text(rows[i].name, strlen(rows[i].name), &back), RESULT_OK);
        ck_assert_uint_eq(back, rows[i].class_);
    }
    ck_assert_int_eq(class_from_text("in", 2, &back), RESULT_OK);
    ck_assert_int_eq(class_from_text("CLASS65536", 10, &back), RESULT_FORMAT);
    ck_assert_int_eq(class_from_text("I", 1, &back), RESULT_FORMAT);
    ck_assert_int_eq(class_from_text("", 0, &back), RESULT_FORMAT);
}
END_TEST

START_TEST(meta_and_made)
{
    static const uint16_t meta[] = {0, 41, 128, 249, 250, 251, 252, 255, 65535};
    static const uint16_t data[] = {1, 40, 42, 127, 256, 32769, 65280, 65534};

    for (size_t i = 0; i < COUNT(meta); i++)
        ck_assert_msg(type_is_meta(meta[i]), "%u", meta[i]);
    for (size_t i = 0; i < COUNT(data); i++)
        ck_assert_msg(!type_is_meta(data[i]), "%u", data[i]);
    ck_assert(type_is_made_by_signer(TYPE_RRSIG) && type_is_made_by_signer(TYPE_NSEC) &&
              type_is_made_by_signer(TYPE_NSEC3) && type_is_made_by_signer(TYPE_NSEC3PARAM));
    ck_assert(!type_is_made_by_signer(TYPE_DNSKEY) && !type_is_made_by_signer(TYPE_DS));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wire/type");
    TCase *names = tcase_create("names");

    tcase_add_test(names, every_type_there_and_back);
    tcase_add_test(names, mnemonics);
    tcase_add_test(names, refuses_what_is_no_type);
    tcase_add_test(names, classes);
    tcase_add_test(names, meta_and_made);
    suite_add_tcase(suite, names);
    return run_suite(suite);
}
