/* test_wire_rdata_text.c - what people write becomes which octets, and is printed how. */
#include "support.h"
#include "words.h"

#include <stdio.h>
#include <stdlib.h>

#include "avow/base/buffer.h"
#include "avow/wire/codec.h"

/* Origin: example. The octets were compared with those of another implementation (BIND 9.18), but
 * for the types that are younger than it. */
static const struct {
    uint16_t type;
    const char *in;
    const char *hex;
    const char *out; /* NULL: as it came in */
} rows[] = {
    {TYPE_RRSIG, "A 8 2 3600 20240229000000 20000229000000 1 . AAAA",
     "0001080200000e10"
     "65dfc900"
     "38bb0c00"
     "000100000000",
     NULL},
    {TYPE_A, "192.0.2.1", "c0000201", NULL},
    {TYPE_NS, "ns1", "036e7331076578616d706c6500", "ns1.example."},
    {TYPE_NS, "@", "076578616d706c6500", "example."},
    {TYPE_NS, "Ns.Example.NET.", "024e73074578616d706c65034e455400", NULL},
    {TYPE_MD, "a.", "016100", NULL},
    {TYPE_MF, "a.", "016100", NULL},
    {TYPE_CNAME, "a\\.b.c.", "03612e62016300", NULL},
    {TYPE_SOA, "ns admin\\.x 2024010101 1h30m 15m 1w 1d",
     "026e73076578616d706c65000761646d696e2e78076578616d706c650078a3f175000015180000038400093a80000"
     "15180",
     "ns.example. admin\\.x.example. 2024010101 5400 900 604800 86400"},
    {TYPE_MB, "a.", "016100", NULL},
    {TYPE_MG, "a.", "016100", NULL},
    {TYPE_MR, "a.", "016100", NULL},
    {TYPE_PTR, "a.", "016100", NULL},
    {TYPE_HINFO, "\"PC\" Linux", "025043054c696e7578", "\"PC\" \"Linux\""},
    {TYPE_MINFO, "a. b.", "016100016200", NULL},
    {TYPE_MX, "10 mail", "000a046d61696c076578616d706c6500", "10 mail.example."},
    {TYPE_TXT, "\"a b\" c \"\\\"\\\\\\001\"", "03612062016303225c01",
     "\"a b\" \"c\" \"\\\"\\\\\\001\""},
    {TYPE_TXT, "\"\"", "00", NULL},
    {TYPE_RP, "a. .", "01610000", NULL},
    {TYPE_AFSDB, "1 afs", "000103616673076578616d706c6500", "1 afs.example."},
    {TYPE_X25, "311061700956", "0c333131303631373030393536", "\"311061700956\""},
    {TYPE_ISDN, "150862028003217 004", "0f31353038363230323830303332313703303034",
     "\"150862028003217\" \"004\""},
    {TYPE_ISDN, "150862028003217", "0f313530383632303238303033323137", "\"150862028003217\""},
    {TYPE_RT, "10 relay", "000a0572656c6179076578616d706c6500", "10 relay.example."},
    {TYPE_NSAP, "0x47.0005.80.005a00.0000.0001.e133.ffffff000161.00",
     "47000580005a0000000001e133ffffff00016100", "0x47000580005A0000000001E133FFFFFF00016100"},
    {TYPE_NSAP_PTR, "a.", "016100", NULL},
    {TYPE_SIG, "A 8 2 3600 20300101000000 20200101000000 12345 example. AAECAw==",
     "0001080200000e1070dbd8805e0be1003039076578616d706c650000010203", NULL},
    {TYPE_KEY, "256 3 8 AQAB", "01000308010001", NULL},
    {TYPE_KEY, "49152 3 8", "c0000308", NULL},
    {TYPE_PX, "10 a. b.", "000a016100016200", NULL},
    {TYPE_GPOS, "-32.6882 116.8652 10.0", "082d33322e36383832083131362e383635320431302e30",
     "\"-32.6882\" \"116.8652\" \"10.0\""},
    {TYPE_AAAA, "2001:db8::1", "20010db8000000000000000000000001", NULL},
    {TYPE_AAAA, "::ffff:192.0.2.1", "00000000000000000000ffffc0000201", NULL},
    {TYPE_LOC, "42 21 54 N 71 06 18 W -24m 30m", "0033161389172dd070be15f000988d20",
     "42 21 54.000 N 71 6 18.000 W -24.00m 30.00m 10000.00m 10.00m"},
    {TYPE_LOC, "52 N 0 E 0", "001216138b2872008000000000989680",
     "52 0 0.000 N 0 0 0.000 E 0.00m 1.00m 10000.00m 10.00m"},
    {TYPE_LOC, "42 21 43.952 N 71 5 6.344 W -24.10m 1m 200m 10m",
     "001224138917069070bf2dd800988d16",
     "42 21 43.952 N 71 5 6.344 W -24.10m 1.00m 200.00m 10.00m"},
    {TYPE_LOC, "90 S 180 W 42849672.95 90000000.00m 0 0.05", "009900506cb0270059604e00ffffffff",
     "90 0 0.000 S 180 0 0.000 W 42849672.95m 90000000.00m 0.00m 0.05m"},
    {TYPE_EID, "e32c6f78163a9348", "e32c6f78163a9348", "E32C6F78163A9348"},
    {TYPE_NIMLOC, "32251a030067", "32251a030067", "32251A030067"},
    {TYPE_SRV, "0 5 5060 sip", "0000000513c403736970076578616d706c6500", "0 5 5060 sip.example."},
    {TYPE_NAPTR, "100 50 \"s\" \"z3950+I2L+I2C\" \"\" _z3950._tcp.gatech.edu.",
     "0064003201730d7a333935302b49324c2b49324300065f7a33393530045f746370066761746563680365647500",
     NULL},
    {TYPE_NAPTR, "100 10 \"\" \"\" \"!^urn:cid:.+@([^\\\\.]+\\\\.)(.*)$!\\\\2!i\" .",
     "0064000a000021215e75726e3a6369643a2e2b40285b5e5c2e5d2b5c2e29282e2a2924215c32216900", NULL},
    {TYPE_KX, "10 a.", "000a016100", NULL},
    {TYPE_CERT, "PKIX 12345 RSASHA256 AQAB", "0001303908010001", "PKIX 12345 8 AQAB"},
    {TYPE_CERT, "65534 0 0 AQAB", "fffe000000010001", NULL},
    {TYPE_DNAME, "a.", "016100", NULL},
    {TYPE_APL, "", "", NULL},
    {TYPE_APL, "1:192.168.32.0/21 !1:192.168.38.0/28", "00011503c0a82000011c83c0a826", NULL},
    {TYPE_APL, "2:2001:db8::/32 !1:0.0.0.0/0", "0002200420010db800010080", NULL},
    {TYPE_DS, "60485 5 1 2BB183AF5F22588179A53B0A 98631FAD1A292118",
     "ec4505012bb183af5f22588179a53b0a98631fad1a292118",
     "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118"},
    {TYPE_DS,
     "12345 ECDSAP256SHA256 2 2BB183AF5F22588179A53B0A98631FAD1A2921182BB183AF5F22588179A53B0A",
     "30390d022bb183af5f22588179a53b0a98631fad1a2921182bb183af5f22588179a53b0a",
     "12345 13 2 2BB183AF5F22588179A53B0A98631FAD1A2921182BB183AF5F22588179A53B0A"},
    {TYPE_SSHFP, "4 2 123456789abcdef67890123456789abcdef67890123456789abcdef123456789",
     "0402123456789abcdef67890123456789abcdef67890123456789abcdef123456789",
     "4 2 123456789ABCDEF67890123456789ABCDEF67890123456789ABCDEF123456789"},
    {TYPE_IPSECKEY, "10 0 2 . AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==",
     "0a0002010351537986ed35533b6064478eeeb27b5bd74dae149b6e81ba3a0521af82ab7801", NULL},
    {TYPE_IPSECKEY, "10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==",
     "0a0102c0000226010351537986ed35533b6064478eeeb27b5bd74dae149b6e81ba3a0521af82ab7801", NULL},
    {TYPE_IPSECKEY, "10 2 2 2001:db8::1 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==",
     "0a020220010db8000000000000000000000001010351537986ed35533b6064478eeeb27b5bd74dae149b6e81ba3a0"
     "521af82ab7801",
     NULL},
    {TYPE_IPSECKEY, "10 3 2 gw AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==",
     "0a0302026777076578616d706c6500010351537986ed35533b6064478eeeb27b5bd74dae149b6e81ba3a0521af82a"
     "b7801",
     "10 3 2 gw.example. AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ=="},
    {TYPE_RRSIG, "A 8 2 3600 20300101000000 20200101000000 12345 example. AAECAw==",
     "0001080200000e1070dbd8805e0be1003039076578616d706c650000010203", NULL},
    {TYPE_RRSIG, "TYPE1234 ED25519 2 3600 1893456000 1577836800 12345 Example.COM. AAEC Aw==",
     "04d20f0200000e1070dbd8805e0be1003039074578616d706c6503434f4d0000010203",
     "TYPE1234 15 2 3600 20300101000000 20200101000000 12345 Example.COM. AAECAw=="},
    {TYPE_NSEC, "host.example.com. A MX RRSIG NSEC TYPE1234",
     "04686f7374076578616d706c6503636f6d000006400100000003041b0000000000000000000000000000000000000"
     "00000000000000020",
     NULL},
    {TYPE_DNSKEY,
     "257 3 13 "
     "mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==",
     "0101030d99db2cc14cabdc33d6d77da63a2f15f71112584f234e8d1dc428e39e8a4a97e1aa271a555dc90701e17e2"
     "a4c4b6f120b7c32d44f4ac02bd894cf2d4be7778a19",
     NULL},
    {TYPE_DHCID, "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=",
     "000201636fc0b8271c82825bb1ac5c41cf5351aa69b4febd94e8f17cdb95000da48c40", NULL},
    {TYPE_NSEC3,
     "1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS SOA NSEC3PARAM RRSIG",
     "0101000c04aabbccdd14174eb2409fe28bcb4887a1836f957f0a8425e27b000722010000000290",
     "1 1 12 AABBCCDD 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR NS SOA MX RRSIG DNSKEY NSEC3PARAM"},
    {TYPE_NSEC3, "1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr",
     "010000000014174eb2409fe28bcb4887a1836f957f0a8425e27b",
     "1 0 0 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR"},
    {TYPE_NSEC3PARAM, "1 0 12 aabbccdd", "0100000c04aabbccdd", "1 0 12 AABBCCDD"},
    {TYPE_NSEC3PARAM, "1 0 0 -", "0100000000", NULL},
    {TYPE_TLSA, "3 1 1 0d6fce13243aa7", "0301010d6fce13243aa7", "3 1 1 0D6FCE13243AA7"},
    {TYPE_SMIMEA, "3 1 1 0d6fce13243aa7", "0301010d6fce13243aa7", "3 1 1 0D6FCE13243AA7"},
    {TYPE_HIP,
     "2 200100107B1A74DF365639CC39F1D578 "
     "AwEAAbdxyhNuSutc5EMzxTs9LBPCIkOFH8cIvM4p9+LrV4e19WzK00+CI6zBCQTdtWsuxKbWIy87UOoJTwkUs7lBu+"
     "Upr1gsNrut79ryra+bSRGQb1slImA8YVJyuIDsj7kwzG7jnERNqnWxZ48AWkskmdHaVDP4BcelrTI3rMXdXF5D "
     "rvs1.example.com. rvs2",
     "10020084200100107b1a74df365639cc39f1d57803010001b771ca136e4aeb5ce44333c53b3d2c13c22243851fc70"
     "8bcce29f7e2eb5787b5f56ccad34f8223acc10904ddb56b2ec4a6d6232f3b50ea094f0914b3b941bbe529af582c36"
     "bbadefdaf2adaf9b4911906f5b2522603c615272b880ec8fb930cc6ee39c444daa75b1678f005a4b2499d1da5433f"
     "805c7a5ad3237acc5dd5c5e430472767331076578616d706c6503636f6d000472767332076578616d706c6500",
     "2 200100107B1A74DF365639CC39F1D578 "
     "AwEAAbdxyhNuSutc5EMzxTs9LBPCIkOFH8cIvM4p9+LrV4e19WzK00+CI6zBCQTdtWsuxKbWIy87UOoJTwkUs7lBu+"
     "Upr1gsNrut79ryra+bSRGQb1slImA8YVJyuIDsj7kwzG7jnERNqnWxZ48AWkskmdHaVDP4BcelrTI3rMXdXF5D "
     "rvs1.example.com. rvs2.example."},
    {TYPE_NINFO, "foo \"bar baz\"", "03666f6f076261722062617a", "\"foo\" \"bar baz\""},
    {TYPE_RKEY, "0 3 5 AQAB", "00000305010001", NULL},
    {TYPE_TALINK, "a. b.", "016100016200", NULL},
    {TYPE_CDS, "0 0 0 00", "0000000000", NULL},
    {TYPE_CDNSKEY, "0 3 0 AA==", "0000030000", NULL},
    {TYPE_OPENPGPKEY, "AQAB", "010001", NULL},
    {TYPE_CSYNC, "66 3 A NS AAAA", "000000420003000460000008", NULL},
    {TYPE_CSYNC, "66 3", "000000420003", NULL},
    {TYPE_ZONEMD,
     "2018031500 1 1 "
     "616c6c6f776564206275742069676e6f7265642e20616c6c6f776564206275742069676e6f7265642e20616c6c6f7"
     "765",
     "7848b78c0101616c6c6f776564206275742069676e6f7265642e20616c6c6f776564206275742069676e6f7265642"
     "e20616c6c6f7765",
     "2018031500 1 1 "
     "616C6C6F776564206275742069676E6F7265642E20616C6C6F776564206275742069676E6F7265642E20616C6C6F7"
     "765"},
    {TYPE_SVCB, "0 foo.example.com.", "000003666f6f076578616d706c6503636f6d00", NULL},
    {TYPE_SVCB, "1 .", "000100", NULL},
    {TYPE_SVCB, "16 foo.example.com. port=53", "001003666f6f076578616d706c6503636f6d00000300020035",
     NULL},
    {TYPE_SVCB, "1 foo.example.com. key667=hello",
     "000103666f6f076578616d706c6503636f6d00029b000568656c6c6f",
     "1 foo.example.com. key667=\"hello\""},
    {TYPE_SVCB, "1 foo.example.com. key667=\"hello\\210qoo\"",
     "000103666f6f076578616d706c6503636f6d00029b000968656c6c6fd2716f6f", NULL},
    {TYPE_SVCB, "1 foo.example.com. ipv6hint=\"2001:db8::1,2001:db8::53:1\"",
     "000103666f6f076578616d706c6503636f6d000006002020010db800000000000000000000000120010db80000000"
     "00000000000530001",
     "1 foo.example.com. ipv6hint=2001:db8::1,2001:db8::53:1"},
    {TYPE_SVCB, "16 foo.example.org. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1",
     "001003666f6f076578616d706c65036f7267000000000400010004000100090268320568332d313900040004c0000"
     "201",
     "16 foo.example.org. mandatory=alpn,ipv4hint alpn=\"h2,h3-19\" ipv4hint=192.0.2.1"},
    {TYPE_SVCB, "16 foo.example.org. alpn=\"f\\\\\\\\oo\\\\,bar,h2\"",
     "001003666f6f076578616d706c65036f7267000001000c08665c6f6f2c626172026832", NULL},
    {TYPE_SVCB, "16 foo.example.org. alpn=f\\\\\\092oo\\092,bar,h2",
     "001003666f6f076578616d706c65036f7267000001000c08665c6f6f2c626172026832",
     "16 foo.example.org. alpn=\"f\\\\\\\\oo\\\\,bar,h2\""},
    {TYPE_HTTPS,
     "1 . alpn=h2 no-default-alpn port=8443 ech=AEb+DQBCkgAgACBm dohpath=/dns-query{?dns}",
     "00010000010003026832000200000003000220fb0005000c0046fe0d0042920020002066000700102f646e732d717"
     "56572797b3f646e737d",
     "1 . alpn=\"h2\" no-default-alpn port=8443 ech=AEb+DQBCkgAgACBm dohpath=\"/dns-query{?dns}\""},
    {TYPE_HTTPS, "1 . no-default-alpn=\"\" alpn=\"h3\"", "0001000001000302683300020000",
     "1 . alpn=\"h3\" no-default-alpn"},
    {TYPE_SPF, "\"v=spf1 -all\"", "0b763d73706631202d616c6c", NULL},
    {TYPE_NID, "10 0014:4fff:ff20:ee64", "000a00144fffff20ee64", "10 14:4fff:ff20:ee64"},
    {TYPE_L32, "10 10.1.2.0", "000a0a010200", NULL},
    {TYPE_L64, "10 2001:0DB8:1140:1000", "000a20010db811401000", "10 2001:db8:1140:1000"},
    {TYPE_LP, "10 l64-subnet1.example.com.",
     "000a0b6c36342d7375626e657431076578616d706c6503636f6d00", NULL},
    {TYPE_EUI48, "00-00-5e-00-53-2a", "00005e00532a", NULL},
    {TYPE_EUI64, "00-00-5e-ef-10-00-00-2a", "00005eef1000002a", NULL},
    {TYPE_URI, "10 1 \"ftp://ftp1.example.com/public\"",
     "000a00016674703a2f2f667470312e6578616d706c652e636f6d2f7075626c6963", NULL},
    {TYPE_CAA, "0 issue \"ca1.example.net\"", "000569737375656361312e6578616d706c652e6e6574", NULL},
    {TYPE_CAA, "128 tbs \"\"", "8003746273", NULL},
    {TYPE_AVC, "app-name:WOLFGANG|app-class:OAM",
     "1f6170702d6e616d653a574f4c4647414e477c6170702d636c6173733a4f414d",
     "\"app-name:WOLFGANG|app-class:OAM\""},
    {TYPE_DOA, "0 1 2 \"\" aHR0cHM6Ly93d3cuaXNjLm9yZy8=",
     "0000000000000001020068747470733a2f2f7777772e6973632e6f72672f", NULL},
    {TYPE_DOA, "1234567890 1234567890 1 \"image/gif\" -", "499602d2499602d20109696d6167652f676966",
     NULL},
    {TYPE_AMTRELAY, "10 0 1 203.0.113.15", "0a01cb00710f", NULL},
    {TYPE_AMTRELAY, "10 1 3 amt", "0a8303616d74076578616d706c6500", "10 1 3 amt.example."},
    {TYPE_AMTRELAY, "0 1 0 .", "0080", NULL},
    {TYPE_AMTRELAY, "10 0 2 2001:db8::15", "0a0220010db8000000000000000000000015", NULL},
    {TYPE_TA, "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118",
     "ec4505012bb183af5f22588179a53b0a98631fad1a292118", NULL},
    {TYPE_DLV, "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118",
     "ec4505012bb183af5f22588179a53b0a98631fad1a292118", NULL},
    {731, "\\# 6 abcdef 012345", "abcdef012345", "\\# 6 ABCDEF012345"},
    {62347, "\\# 0", "", NULL},
    {TYPE_A, "\\# 4 0A000001", "0a000001", "10.0.0.1"},
    {TYPE_MX, "\\# 5 000a 01 61 00", "000a016100", "10 a."},
    {TYPE_NULL, "\\# 3 010203", "010203", NULL},
    {TYPE_DSYNC, "CDS NOTIFY 5359 cds-scanner",
     "003b0114ef0b6364732d7363616e6e6572076578616d706c6500",
     "CDS NOTIFY 5359 cds-scanner.example."},
    {TYPE_DSYNC, "TYPE65 2 53 a.", "0041020035016100", "HTTPS 2 53 a."},
    {TYPE_RESINFO, "qnamemin exterr=15,16,17", "08716e616d656d696e0f6578746572723d31352c31362c3137",
     "\"qnamemin\" \"exterr=15,16,17\""},
    {TYPE_WALLET, "BTC 1abc", "034254430431616263", "\"BTC\" \"1abc\""},
    {TYPE_HTTPS, "1 . ohttp", "00010000080000", NULL},
    {TYPE_SVCB, "1 . mandatory=key667 key667", "00010000000002029b029b0000", NULL},
    {TYPE_SVCB, "1 . key3=\"\\000\\053\"", "000100000300020035", "1 . port=53"},
    {TYPE_SVCB, "0 . port=53", "000000000300020035", NULL},
    {TYPE_DHCID, "AAIB", "000201", NULL},
    {TYPE_HIP, "2 20 AQAB a", "01020003200100010161076578616d706c6500", "2 20 AQAB a.example."},
    {TYPE_TXT, "a\\032b\\\"\\\\", "05612062225c", "\"a b\\\"\\\\\""},
    {TYPE_CAA, "0 issue ca1.example.net", "000569737375656361312e6578616d706c652e6e6574",
     "0 issue \"ca1.example.net\""},
    {TYPE_RRSIG, "A 8 2 1h 21060207062815 19700101000000 12345 . AAAA",
     "0001080200000e10ffffffff00000000303900000000",
     "A 8 2 3600 21060207062815 19700101000000 12345 . AAAA"},
    {TYPE_WKS, "\\# 9 010203040600000040", "010203040600000040", NULL},
    {TYPE_OPT, "\\# 0", "", NULL},
    {TYPE_OPT, "\\# 8 000a 0004 01020304", "000a000401020304", "\\# 8 000A000401020304"},
    {TYPE_LOC, "\\# 3 01ffff", "01ffff", "\\# 3 01FFFF"},
    {TYPE_LOC, "\\# 16 00050000800000008000000000989680", "00050000800000008000000000989680", NULL},
    {TYPE_AMTRELAY, "\\# 5 0a04010203", "0a04010203", "\\# 5 0A04010203"},
    {TYPE_APL, "\\# 5 0003080101", "0003080101", NULL},
    {TYPE_KEY, "0 3 8 AQAB", "00000308010001", NULL},
};

static const struct {
    uint16_t type;
    const char *in;
} refused[] = {
    {TYPE_RRSIG, "A 8 2 3600 21000229000000 20200101000000 12345 example. AAEC"},
    {TYPE_A, "192.0.2"},
    {TYPE_A, "192.0.2.256"},
    {TYPE_A, "192.0.2.1."},
    {TYPE_A, "192.0.2.01"},
    {TYPE_A, "192.0.2.1 x"},
    {TYPE_A, ""},
    {TYPE_AAAA, "192.0.2.1"},
    {TYPE_AAAA, "2001:db8::1::2"},
    {TYPE_NS, ""},
    {TYPE_NS, "a..b."},
    {TYPE_NS, ".a."},
    {TYPE_NS, "a. b."},
    {TYPE_NS, "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg."},
    {TYPE_SOA, "a. b. 1 2 3 4"},
    {TYPE_SOA, "a. b. 4294967296 2 3 4 5"},
    {TYPE_SOA, "a. b. 1 1h30 3 4 5"},
    {TYPE_SOA, "a. b. 1 1x 3 4 5"},
    {TYPE_MX, "65536 a."},
    {TYPE_MX, "-1 a."},
    {TYPE_MX, "10"},
    {TYPE_HINFO, "a"},
    {TYPE_HINFO, "a b c"},
    {TYPE_TXT, ""},
    {TYPE_TXT, "\"\\300\""},
    {TYPE_TXT, "\"\\1\""},
    {TYPE_X25, "123"},
    {TYPE_X25, "12a45"},
    {TYPE_ISDN, ""},
    {TYPE_NSAP, "47.00"},
    {TYPE_NSAP, "0x4"},
    {TYPE_NSAP, "0x"},
    {TYPE_KEY, "256 3 8"},
    {TYPE_GPOS, "a 1 2"},
    {TYPE_GPOS, "1 2"},
    {TYPE_LOC, "91 0 0 N 0 0 0 E 0m"},
    {TYPE_LOC, "90 0 0.001 N 0 0 0 E 0m"},
    {TYPE_LOC, "42 60 0 N 0 0 0 E 0m"},
    {TYPE_LOC, "42 0 60 N 0 0 0 E 0m"},
    {TYPE_LOC, "42 N 181 E 0m"},
    {TYPE_LOC, "42 N 1 E"},
    {TYPE_LOC, "42 N 1 E -100000.01m"},
    {TYPE_LOC, "42 N 1 E 42849672.96m"},
    {TYPE_LOC, "42 N 1 E 0m 90000000.01m"},
    {TYPE_LOC, "42 N 1 E 0m 1m 1m 1m 1m"},
    {TYPE_LOC, "N 1 E 0m"},
    {TYPE_SRV, "0 0 65536 a."},
    {TYPE_NAPTR, "1 1 \"a\" \"b\" \"c\""},
    {TYPE_CERT, "FOO 1 2 AQAB"},
    {TYPE_CERT, "PKIX 1 2"},
    {TYPE_APL, "1:192.168.32.0/33"},
    {TYPE_APL, "1:192.168.32.0"},
    {TYPE_APL, "3:192.168.32.0/1"},
    {TYPE_APL, "2:2001:db8::/129"},
    {TYPE_DS, "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A2921"},
    {TYPE_DS, "60485 5 2 2BB183AF5F22588179A53B0A98631FAD1A292118"},
    {TYPE_DS, "60485 5 4 2BB183AF5F22588179A53B0A98631FAD1A292118"},
    {TYPE_DS, "60485 5 1"},
    {TYPE_DS, "60485 5 9 0"},
    {TYPE_DS, "60485 FOO 9 00"},
    {TYPE_SSHFP, "4 1 1234"},
    {TYPE_SSHFP, "4 2 1234"},
    {TYPE_IPSECKEY, "10 0 2 192.0.2.1 AQAB"},
    {TYPE_IPSECKEY, "10 4 2 . AQAB"},
    {TYPE_IPSECKEY, "10 1 2 . AQAB"},
    {TYPE_RRSIG, "A 8 2 3600 20300101000000 20201301000000 12345 example. AAEC"},
    {TYPE_RRSIG, "A 8 2 3600 20300101000000 20200230000000 12345 example. AAEC"},
    {TYPE_RRSIG, "A 8 2 3600 20300101000000 20200101240000 12345 example. AAEC"},
    {TYPE_RRSIG, "FOO 8 2 3600 20300101000000 20200101000000 12345 example. AAEC"},
    {TYPE_RRSIG, "A 8 2 3600 20300101000000 20200101000000 12345 example."},
    {TYPE_RRSIG, "A 8 2 3600 4294967296 20200101000000 12345 example. AAEC"},
    {TYPE_NSEC, "host."},
    {TYPE_NSEC, "host. FOO"},
    {TYPE_DNSKEY, "257 3 13"},
    {TYPE_DNSKEY, "257 3 13 AQA"},
    {TYPE_DNSKEY, "257 3 13 AQA=B"},
    {TYPE_DNSKEY, "257 3 13 AQ== AQ=="},
    {TYPE_DHCID, "AA=="},
    {TYPE_NSEC3, "1 0 0 -"},
    {TYPE_NSEC3, "1 0 0 a 2t7b4g4vsa5smi47k61mv5bv1a22bojr"},
    {TYPE_NSEC3, "1 0 0 - zz"},
    {TYPE_TLSA, "3 1 1"},
    {TYPE_TLSA, "3 1 1 0"},
    {TYPE_HIP, "2 - AQAB"},
    {TYPE_CSYNC, "66"},
    {TYPE_ZONEMD, "1 1 1 616c6c6f77656420"},
    {TYPE_ZONEMD, "1 1 3 616c6c6f77656420"},
    {TYPE_SVCB, "1"},
    {TYPE_SVCB, "1 . port=53 port=54"},
    {TYPE_SVCB, "1 . port=65536"},
    {TYPE_SVCB, "1 . port"},
    {TYPE_SVCB, "1 . alpn="},
    {TYPE_SVCB, "1 . alpn=h2,,h3"},
    {TYPE_SVCB, "1 . alpn"},
    {TYPE_SVCB, "1 . no-default-alpn"},
    {TYPE_SVCB, "1 . alpn=h2 no-default-alpn=x"},
    {TYPE_SVCB, "1 . mandatory=port"},
    {TYPE_SVCB, "1 . mandatory=mandatory"},
    {TYPE_SVCB, "1 . mandatory=alpn,alpn alpn=h2"},
    {TYPE_SVCB, "1 . ipv4hint="},
    {TYPE_SVCB, "1 . ipv4hint=1.2.3"},
    {TYPE_SVCB, "1 . ipv6hint=1.2.3.4"},
    {TYPE_SVCB, "1 . ech="},
    {TYPE_SVCB, "1 . key65536=x"},
    {TYPE_SVCB, "1 . key65535=x"},
    {TYPE_SVCB, "1 . key007=x"},
    {TYPE_SVCB, "1 . foo=x"},
    {TYPE_SVCB, "1 . \"port=1\""},
    {TYPE_SVCB, "1 . dohpath=dns"},
    {TYPE_SVCB, "1 . dohpath=/dns"},
    {TYPE_SVCB, "1 . dohpath=/{?x}"},
    {TYPE_SVCB, "1 . key3=x"},
    {TYPE_NID, "10 0014:4fff:ff20"},
    {TYPE_NID, "10 0014:4fff:ff20:ee64:1"},
    {TYPE_NID, "10 14f20:0:0:0"},
    {TYPE_EUI48, "00-00-5e-00-53"},
    {TYPE_EUI48, "00-00-5e-00-53-2g"},
    {TYPE_EUI48, "00:00:5e:00:53:2a"},
    {TYPE_URI, "10 1 \"\""},
    {TYPE_URI, "10 1"},
    {TYPE_CAA, "0 \"\" x"},
    {TYPE_CAA, "256 issue x"},
    {TYPE_CAA, "0 is-sue x"},
    {TYPE_CAA, "0 issue"},
    {TYPE_DOA, "0 1 2 \"\""},
    {TYPE_AMTRELAY, "10 2 0 ."},
    {TYPE_AMTRELAY, "10 0 4 ."},
    {TYPE_AMTRELAY, "10 0 0 a."},
    {TYPE_NULL, "x"},
    {TYPE_WKS, "1.2.3.4 tcp smtp"},
    {TYPE_WKS, "\\# 4 01020304"},
    {65280, "abc"},
    {65280, "\\# 3 ab"},
    {65280, "\\# 1 zz"},
    {65280, "\\# x"},
    {65280, "\\#"},
    {TYPE_A, "\\# 3 0A0000"},
    {TYPE_MX, "\\# 2 000a"},
    {TYPE_TXT, "\\# 0"},
    {TYPE_TXT, "\\# 3 036161"},
    {TYPE_NSEC, "\\# 5 0161000000"},
    {TYPE_NSEC, "\\# 6 016100000100"},
    {TYPE_NSEC, "\\# 7 01610000020200"},
    {TYPE_SVCB, "\\# 11 000100 0003 0002 0035 0000"},
    {TYPE_SVCB, "\\# 11 000100 0003 0002 0035 0002 0000"},
    {TYPE_NS, "\\# 2 c000"},
    {TYPE_DSYNC, "A NOTIFYX 1 a."},
    {TYPE_OPT, "\\# 3 000a00"},
    {TYPE_OPT, "\\# 5 000a000201"},
    {TYPE_NXT, "\\# 0"},
    {TYPE_HTTPS, "1 . ohttp=x"},
    {TYPE_LOC, "\\# 16 00A50000800000008000000000989680"},
    {TYPE_LOC, "\\# 15 000500008000000080000000009896"},
    {TYPE_APL, "\\# 5 0001080100"},
    {TYPE_TXT, "\"a\" \\"},
};

static enum result parse(uint16_t type, const char *in, struct writer *rdata, const char **what)
{
    struct name origin;
    ck_assert_int_eq(name_from_string("example.", &origin), RESULT_OK);
    uint8_t *copy = exact_copy(in, strlen(in));
    struct words words = {.at = (const char *)copy, .end = (const char *)copy + strlen(in)};
    struct tokens tokens = {.next = words_next, .context = &words, .origin = &origin};
    enum result result = rdata_from_tokens(type, &tokens, rdata);

    free(copy);
    if (what)
        *what = tokens.what;
    return result;
}

START_TEST(writes_and_prints)
{
    uint8_t octets[1024];
    struct writer rdata = writer_over(octets, sizeof(octets));
    struct buffer hex = {0}, text = {0};
    const char *what = NULL;
    const char *out = rows[_i].out ? rows[_i].out : rows[_i].in;

    ck_assert_msg(parse(rows[_i].type, rows[_i].in, &rdata, &what) == RESULT_OK, "%s: %s",
                  rows[_i].in, what);
    base16_write(&hex, octets, rdata.length);
    ck_assert_msg(hex.length == strlen(rows[_i].hex), "%s: length", rows[_i].in);
    for (size_t i = 0; i < hex.length; i++)
        ck_assert_msg(octet_lower(hex.octets[i]) == (uint8_t)rows[_i].hex[i], "%s: octet %zu",
                      rows[_i].in, i / 2);
    uint8_t *copy = exact_copy(octets, rdata.length);
    ck_assert_msg(rdata_check(rows[_i].type, copy, rdata.length) == RESULT_OK, "%s: check",
                  rows[_i].in);
    rdata_to_text(rows[_i].type, copy, rdata.length, &text);
    buffer_u8(&text, 0);
    ck_assert_int_eq(buffer_check(&text), RESULT_OK);
    ck_assert_str_eq((const char *)text.octets, out);
    free(copy);
    buffer_free(&hex);
    buffer_free(&text);
}
END_TEST

/* The same octets in the generic form, through the same checks. */
START_TEST(reads_the_generic_form)
{
    uint8_t octets[1024];
    struct writer rdata = writer_over(octets, sizeof(octets));
    char generic[2200];

    (void)snprintf(generic, sizeof(generic), "\\# %zu %s", strlen(rows[_i].hex) / 2, rows[_i].hex);
    ck_assert_int_eq(parse(rows[_i].type, generic, &rdata, NULL), RESULT_OK);
    ck_assert_uint_eq(rdata.length, strlen(rows[_i].hex) / 2);
}
END_TEST

/* What does not fit is RESULT_FULL whatever the limit, and never written past it. */
START_TEST(stops_at_the_limit)
{
    size_t length = strlen(rows[_i].hex) / 2;

    for (size_t limit = 0; limit <= length; limit++) {
        uint8_t *octets = malloc(limit ? limit : 1);
        ck_assert_ptr_nonnull(octets);
        struct writer rdata = writer_over(octets, limit);
        enum result result = parse(rows[_i].type, rows[_i].in, &rdata, NULL);
        ck_assert_msg(result == (limit < length ? RESULT_FULL : RESULT_OK), "%s: limit %zu: %d",
                      rows[_i].in, limit, result);
        free(octets);
    }
}
END_TEST

START_TEST(refuses)
{
    uint8_t octets[1024];
    struct writer rdata = writer_over(octets, sizeof(octets));
    const char *what = NULL;

    ck_assert_msg(parse(refused[_i].type, refused[_i].in, &rdata, &what) == RESULT_FORMAT, "%s",
                  refused[_i].in);
    ck_assert_ptr_nonnull(what);
    ck_assert_uint_eq(rdata.length, 0);
}
END_TEST

/* A person is told what is wrong, not only that something is. */
START_TEST(says_what_is_wrong)
{
    static const struct {
        uint16_t type;
        const char *in;
        const char *word;
    } said[] = {
        {TYPE_A, "", "too early"},
        {TYPE_A, "1.2.3.4 5", "more in the record"},
        {TYPE_MX, "65536 a", "65535"},
        {TYPE_SVCB, "1 . port=53 port=54", "twice"},
        {TYPE_SVCB, "1 . port=x", "`port`"},
        {TYPE_SVCB, "1 . no-default-alpn", "without alpn"},
        {TYPE_DS, "1 8 1 00", "digest type"},
        {TYPE_NULL, "x", "RFC 3597"},
        {TYPE_A, "\\# 3 010203", "not well-formed"},
    };

    for (size_t i = 0; i < COUNT(said); i++) {
        uint8_t octets[64];
        struct writer rdata = writer_over(octets, sizeof(octets));
        const char *what = NULL;
        ck_assert_int_eq(parse(said[i].type, said[i].in, &rdata, &what), RESULT_FORMAT);
        ck_assert_msg(what && strstr(what, said[i].word), "%s: %s", said[i].in, what);
    }
}
END_TEST

/* A string of 255 octets is one; of 256 it is an error, not two. */
START_TEST(never_splits_a_string)
{
    uint8_t octets[1024];
    char text[300];

    for (size_t length = 255; length <= 256; length++) {
        struct writer rdata = writer_over(octets, sizeof(octets));
        (void)snprintf(text, sizeof(text), "\"%0*d\"", (int)length, 0);
        ck_assert_int_eq(parse(TYPE_TXT, text, &rdata, NULL),
                         length == 255 ? RESULT_OK : RESULT_FORMAT);
    }
    struct writer rdata = writer_over(octets, sizeof(octets));
    (void)snprintf(text, sizeof(text), "0 issue \"%0256d\"", 0);
    ck_assert_int_eq(parse(TYPE_CAA, text, &rdata, NULL), RESULT_OK);
    ck_assert_uint_eq(rdata.length, 7 + 256);
}
END_TEST

/* Without an origin there are no relative names, nor an @. */
START_TEST(needs_an_origin)
{
    static const char *const names[] = {"a", "@"};

    for (size_t i = 0; i < COUNT(names); i++) {
        uint8_t octets[16];
        struct writer rdata = writer_over(octets, sizeof(octets));
        struct words words = {.at = names[i], .end = names[i] + 1};
        struct tokens tokens = {.next = words_next, .context = &words};
        ck_assert_int_eq(rdata_from_tokens(TYPE_NS, &tokens, &rdata), RESULT_FORMAT);
    }
}
END_TEST

/* Malformed octets are printed all the same. */
START_TEST(prints_what_is_malformed)
{
    struct buffer text = {0};

    rdata_to_text(TYPE_A, (const uint8_t *)"\1\2\3", 3, &text);
    rdata_to_text(TYPE_NS, (const uint8_t *)"\300\14", 2, &text);
    buffer_u8(&text, 0);
    ck_assert_str_eq((const char *)text.octets, "\\# 3 010203\\# 2 C00C");
    buffer_free(&text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wire/rdata_text");
    TCase *both = tcase_create("both ways");
    TCase *refusing = tcase_create("refusing");

    tcase_add_loop_test(both, writes_and_prints, 0, COUNT(rows));
    tcase_add_loop_test(both, reads_the_generic_form, 0, COUNT(rows));
    tcase_add_loop_test(both, stops_at_the_limit, 0, COUNT(rows));
    tcase_add_test(both, never_splits_a_string);
    tcase_add_test(both, prints_what_is_malformed);
    tcase_add_loop_test(refusing, refuses, 0, COUNT(refused));
    tcase_add_test(refusing, needs_an_origin);
    tcase_add_test(refusing, says_what_is_wrong);
    suite_add_tcase(suite, both);
    suite_add_tcase(suite, refusing);
    return run_suite(suite);
}
