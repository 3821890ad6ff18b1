#include "protocol/ssh/wire.h"

#include <gtest/gtest.h>

namespace rdev::ssh {
namespace {

using namespace std::string_view_literals;

TEST(Wire, WritesWhatRfc4251Shows) {
  EXPECT_EQ(Writer().u32(699921578).bytes(), "\x29\xb7\xf4\xaa"sv);
  EXPECT_EQ(Writer().string("testing").bytes(), "\0\0\0\x07testing"sv);
  EXPECT_EQ(Writer().boolean(true).u8(7).bytes(), "\x01\x07"sv);
}

TEST(Wire, ReadsBackWhatItWrote) {
  const std::string bytes = Writer().u8(255).u32(0xfedcba98).string("a\0b"sv).string("").take();
  Reader reader(bytes);
  EXPECT_EQ(reader.u8(), 255);
  EXPECT_EQ(reader.u32(), 0xfedcba98);
  EXPECT_EQ(reader.string(), "a\0b"sv);
  EXPECT_EQ(reader.string(), "");
  EXPECT_TRUE(reader.done());
}

TEST(Wire, EveryTruncationIsSeen) {
  const std::string whole = Writer().string("abc").u32(5).boolean(true).take();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Reader reader(std::string_view(whole).substr(0, size));
    reader.string();
    reader.u32();
    reader.boolean();
    EXPECT_FALSE(reader.ok()) << size;
    EXPECT_TRUE(reader.rest().empty());
  }
}

TEST(Wire, LengthBeyondTheEndIsBadAndStaysBad) {
  Reader reader("\xff\xff\xff\xff\x01\x02\x03\x04\x05"sv);
  EXPECT_EQ(reader.string(), "");
  EXPECT_EQ(reader.u8(), 0);
  EXPECT_FALSE(reader.ok());
}

TEST(Printable, CutsControlBytesAndLength) {
  EXPECT_EQ(printable("no \x1b[31mway\r\n"), "no ?[31mway");
  EXPECT_EQ(printable(std::string(1000, 'x')).size(), 500u);
}

}  // namespace
}  // namespace rdev::ssh
