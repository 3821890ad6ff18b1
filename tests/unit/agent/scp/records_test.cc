#include "agent/scp/records.h"

#include <gmock/gmock.h>

namespace rdev::scp {
namespace {

using testing::HasSubstr;

std::string refusal(std::string_view line) {
  const auto record = parse_record(line);
  return record ? "taken" : record.error().message;
}

TEST(Records, Files) {
  const auto record = parse_record("C4755 5000000000 a b\xff");
  ASSERT_TRUE(record);
  const auto& file = std::get<FileRecord>(*record);
  EXPECT_EQ(file.mode, 04755U);
  EXPECT_EQ(file.size, 5'000'000'000U);
  EXPECT_EQ(file.name, "a b\xff");
  EXPECT_EQ(encode(file), "C4755 5000000000 a b\xff\n");
}

TEST(Records, TheOthers) {
  const auto directory = parse_record("D0700 0 dir");
  EXPECT_EQ(encode(std::get<DirectoryRecord>(*directory)), "D0700 0 dir\n");
  const auto times = parse_record("T1600000000 7 1500000000 999999");
  EXPECT_EQ(std::get<TimesRecord>(*times).modified_us, 7);
  EXPECT_EQ(std::get<TimesRecord>(*times).accessed_s, 1'500'000'000);
  EXPECT_EQ(encode(std::get<TimesRecord>(*times)), "T1600000000 7 1500000000 999999\n");
  EXPECT_TRUE(std::holds_alternative<EndRecord>(*parse_record("E")));
  EXPECT_FALSE(std::get<ErrorRecord>(*parse_record("\1scp: x")).fatal);
  EXPECT_TRUE(std::get<ErrorRecord>(*parse_record("\2")).fatal);
}

TEST(Records, NamesStayInTheirDirectory) {
  for (const std::string& name :
       std::vector<std::string>{"", ".", "..", "/", "a/b", "../x", std::string("a\0b", 3)}) {
    EXPECT_THAT(refusal("C0644 1 " + name), HasSubstr("unexpected filename")) << name;
    EXPECT_THAT(refusal("D0755 0 " + name), HasSubstr("unexpected filename")) << name;
  }
  EXPECT_EQ(refusal("C0644 1 ..."), "taken");
}

TEST(Records, NonsenseIsRefused) {
  for (const char* line : {"",
                           "x",
                           "hello",
                           "C",
                           "C0644",
                           "C644 1 x",
                           "C0844 1 x",
                           "C06441 x",
                           "C0644  1 x",
                           "C0644 x",
                           "C0644 -1 x",
                           "C0644 1x",
                           "C0644 9223372036854775808 x",
                           "T",
                           "T1",
                           "T1 0 1",
                           "T1 0 1 ",
                           "T1 0 1 0 ",
                           "T1 1000000 1 0",
                           "T-1 0 1 0",
                           "T1,0,1,0"}) {
    EXPECT_THAT(refusal(line), HasSubstr("protocol error: ")) << line;
  }
}

TEST(Records, ALineEndIsEscapedAsVisDoes) {
  EXPECT_EQ(line_name("plain \xc3\xbc\\"), "plain \xc3\xbc\\");
  EXPECT_EQ(line_name("a\nb"), "a\\^Jb");
  EXPECT_EQ(line_name("\n\\ \t\x7f\xc3\x80\xa0"), "\\^J\\\\ \t\\^?\\M-C\\M^@\\240");
}

}  // namespace
}  // namespace rdev::scp
