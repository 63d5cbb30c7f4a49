/* test_zonefile_printer.c - RRsets as lines, for programs and for people. */
#include <string.h>

#include "avow/wire/type.h"
#include "avow/zonefile/printer.h"
#include "support.h"

static struct name name_of(const char *text)
{
    struct name name;

    ck_assert_int_eq(name_from_string(text, &name), RESULT_OK);
    return name;
}

static void print_three(enum print_form form, struct buffer *text)
{
    static const uint8_t addresses[] = {0, 4, 192, 0, 2, 1, 0, 4, 192, 0, 2, 2};
    static const uint8_t opaque[] = {0, 0};
    struct name a = name_of("a.example."), b = name_of("b\\;.example.");
    struct zone_printer printer;

    zone_printer_init(&printer, form);
    zone_print_rrset(&printer,
                     &(struct rrset){.owner = &a,
                                     .type = TYPE_A,
                                     .class_ = CLASS_IN,
                                     .ttl = 3600,
                                     .rdata = {addresses, sizeof addresses, 2}},
                     text);
    zone_print_rrset(&printer,
                     &(struct rrset){.owner = &b,
                                     .type = 65280,
                                     .class_ = 32,
                                     .ttl = 0,
                                     .rdata = {opaque, sizeof opaque, 1}},
                     text);
    zone_print_rrset(&printer,
                     &(struct rrset){.owner = &a,
                                     .type = TYPE_A,
                                     .class_ = CLASS_IN,
                                     .ttl = 2147483647,
                                     .rdata = {addresses, 6, 1}},
                     text);
    buffer_u8(text, '\0');
    ck_assert_int_eq(buffer_check(text), RESULT_OK);
}

START_TEST(plain_lines)
{
    struct buffer text = {.octets = NULL};

    print_three(PRINT_PLAIN, &text);
    ck_assert_str_eq((const char *)text.octets, "a.example. 3600 IN A 192.0.2.1\n"
                                                "a.example. 3600 IN A 192.0.2.2\n"
                                                "b\\;.example. 0 CLASS32 TYPE65280 \\# 0\n"
                                                "a.example. 2147483647 IN A 192.0.2.1\n");
    buffer_free(&text);
}
END_TEST

START_TEST(columns)
{
    struct buffer text = {.octets = NULL};

    print_three(PRINT_COLUMNS, &text);
    ck_assert_str_eq((const char *)text.octets,
                     "a.example.                         3600 IN A          192.0.2.1\n"
                     "                                   3600 IN A          192.0.2.2\n"
                     "b\\;.example.                          0 CLASS32 TYPE65280  \\# 0\n"
                     "a.example.                      2147483647 IN A          192.0.2.1\n");
    buffer_free(&text);
}
END_TEST

START_TEST(a_long_owner_keeps_a_blank)
{
    static const uint8_t rdata[] = {192, 0, 2, 1};
    struct name owner = name_of("a-name-that-is-wider-than-the-column.example.");
    struct buffer text = {.octets = NULL};
    struct zone_printer printer;
    struct rrset rrset = {.owner = &owner, .type = TYPE_A, .class_ = CLASS_IN, .ttl = 1};

    zone_printer_init(&printer, PRINT_COLUMNS);
    zone_print_record(&printer, &rrset, rdata, sizeof rdata, &text);
    buffer_u8(&text, '\0');
    ck_assert_str_eq((const char *)text.octets,
                     "a-name-that-is-wider-than-the-column.example.       "
                     "1 IN A          192.0.2.1\n");
    buffer_free(&text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("zonefile/printer");
    TCase *printing = tcase_create("printing");

    tcase_add_test(printing, plain_lines);
    tcase_add_test(printing, columns);
    tcase_add_test(printing, a_long_owner_keeps_a_blank);
    suite_add_tcase(suite, printing);
    return run_suite(suite);
}
