#include "client/cluster/docker/tar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdio.h>

#include "tests/unit/client/temp_dir.h"

namespace rdev::cluster::docker {
namespace {

using test::TempDir;
using test::write_text;

std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = ::popen(command.c_str(), "r");
  for (int c = 0; (c = ::fgetc(pipe)) != EOF;) {
    text += static_cast<char>(c);
  }
  EXPECT_EQ(::pclose(pipe), 0) << command;
  return text;
}

TEST(TarWriter, MakesWhatTarReads) {
  TarWriter tar(1700000000);
  tar.add_file("rdev-agent", 0755, Owner(), std::string(1000, 'a'));
  tar.add_file("config", 0400, Owner{.uid = 12345, .gid = 0}, std::string(512, 'b'));
  tar.add_dir("run/", 0700, Owner{.uid = 2097151, .gid = 2097152});
  tar.add_file("empty", 0644, Owner{.uid = 4294967294, .gid = 1}, "");
  const std::string archive = tar.finish();
  EXPECT_EQ(archive.size() % 512, 0U);

  const TempDir dir;
  const auto path = dir.path() / "x.tar";
  write_text(path, archive);
  EXPECT_EQ(
      output_of("TZ=UTC tar --numeric-owner --full-time -tvf " + path.string() + " | tr -s ' '"),
      "-rwxr-xr-x 0/0 1000 2023-11-14 22:13:20 rdev-agent\n"
      "-r-------- 12345/0 512 2023-11-14 22:13:20 config\n"
      "drwx------ 2097151/2097152 0 2023-11-14 22:13:20 run/\n"
      "-rw-r--r-- 4294967294/1 0 2023-11-14 22:13:20 empty\n");
  EXPECT_EQ(output_of("tar -xOf " + path.string() + " rdev-agent"), std::string(1000, 'a'));
  EXPECT_EQ(output_of("tar -xOf " + path.string() + " config"), std::string(512, 'b'));
}

TEST(TarWriter, StartsAnewAfterFinish) {
  TarWriter tar(0);
  tar.add_dir("a/", 0700, Owner());
  tar.finish();
  EXPECT_EQ(tar.finish(), std::string(1024, '\0'));
}

TEST(FirstEntry, ReadsAFile) {
  TarWriter tar(0);
  tar.add_dir("etc/", 0755, Owner());
  tar.add_file("passwd", 0644, Owner(), "root:x:0:0::/:\n");
  const std::string archive = tar.finish();
  const auto entry = first_entry(archive);
  ASSERT_TRUE(entry && *entry);
  EXPECT_EQ((*entry)->name, "passwd");
  EXPECT_EQ((*entry)->bytes, "root:x:0:0::/:\n");
  EXPECT_EQ((*entry)->link, "");
}

TEST(FirstEntry, ReadsWhatTarMakes) {
  const TempDir dir;
  write_text(dir.path() / "target", "text");
  std::filesystem::create_symlink("../lib/passwd", dir.path() / "link");
  for (const std::string format : {"ustar", "pax", "gnu"}) {
    const std::string tar = "tar -C " + dir.path().string() + " --format=" + format + " -cf - ";
    const std::string file = output_of(tar + "target");
    const auto read = first_entry(file);
    ASSERT_TRUE(read && *read) << format;
    EXPECT_EQ((*read)->bytes, "text") << format;
    const std::string link = output_of(tar + "link");
    const auto linked = first_entry(link);
    ASSERT_TRUE(linked && *linked) << format;
    EXPECT_EQ((*linked)->link, "../lib/passwd") << format;
  }
}

TEST(FirstEntry, EmptyArchiveHasNone) {
  EXPECT_FALSE(*first_entry(""));
  EXPECT_FALSE(*first_entry(std::string(1024, '\0')));
  EXPECT_FALSE(*first_entry("too short for a header"));
}

TEST(FirstEntry, RefusesDamage) {
  TarWriter tar(0);
  tar.add_file("passwd", 0644, Owner(), std::string(600, 'x'));
  const std::string archive = tar.finish();
  std::string flipped = archive;
  flipped[3] ^= 1;
  EXPECT_EQ(first_entry(flipped).error().code, Code::kProtocol);
  EXPECT_EQ(first_entry(archive.substr(0, 700)).error().code, Code::kProtocol);
  std::string size = archive;
  size[124] = 'z';
  EXPECT_EQ(first_entry(size).error().code, Code::kProtocol);
}

}  // namespace
}  // namespace rdev::cluster::docker
