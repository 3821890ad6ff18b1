#include "client/commands/doctor_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "client/commands/job_account.h"

namespace rdev::commands {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using Status = Finding::Status;

constexpr char kUser[] =
    "Name:\tx\nUid:\t7\t7\t7\t7\nGid:\t8\t8\t8\t8\nGroups:\t8 50 \nCapEff:\t0000000000000000\n";
constexpr char kRoot[] = "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nCapEff:\t00000000a80425fb\n";
constexpr char kMounts[] =
    "1 0 0:1 / / rw,relatime - overlay overlay rw\n"
    "2 1 0:2 / /tmp rw,nosuid,noexec - tmpfs tmpfs rw\n"
    "3 1 0:3 / /tmpfs ro - tmpfs tmpfs rw\n";

sftp::Attributes directory(std::uint32_t mode, std::uint32_t uid = 0, std::uint32_t gid = 0) {
  return {.bytes = 0, .uid = uid, .gid = gid, .mode = 040000 | mode};
}
sftp::Attributes program() { return {.bytes = 1, .uid = 0, .gid = 0, .mode = 0100755}; }
sftp::Attributes device(std::uint32_t mode) {
  return {.bytes = 0, .uid = 0, .gid = 0, .mode = 020000 | mode};
}

JobView full() {
  JobView view;
  view.environment = {
      {"PATH", "/usr/bin:/bin"}, {"HOME", "/home/u"}, {"SHELL", "/bin/bash"}, {"LANG", "C.UTF-8"}};
  for (const char* name : {"/bin/sh", "/usr/bin/tar", "/usr/bin/wget", "/usr/bin/python3",
                           "/usr/bin/git", "/lib64/ld-linux-x86-64.so.2"}) {
    view.files[name] = program();
  }
  view.files["/tmp"] = directory(01777);
  view.files["/home/u"] = directory(0700, 7, 8);
  view.files["/dev/fuse"] = device(0666);
  view.identity = kUser;
  view.root = view.temporary =
      sftp::FileSystem{.block_bytes = 4096, .blocks = 1 << 30, .available = 1 << 29};
  return view;
}

Finding of(const JobView& view, const std::string& check) {
  const Findings all = judge(view);
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const Finding& finding) { return finding.check == check; });
  return found == all.end() ? fault(check, "not there", "") : *found;
}

TEST(JudgeImage, NothingIsMissing) {
  for (const Finding& finding : judge(full())) {
    EXPECT_EQ(finding.status, finding.check == "gpu" ? Status::kInfo : Status::kOk)
        << finding.check << ": " << finding.detail;
  }
}

TEST(JudgeImage, EachMissingFileIsTheFaultOfOneLine) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"/bin/sh", "shell"},
      {"/usr/bin/tar", "tar"},
      {"/usr/bin/wget", "download"},
      {"/usr/bin/python3", "python3"},
      {"/usr/bin/git", "git"},
      {"/tmp", "/tmp"},
      {"/home/u", "home"},
      {"/dev/fuse", "fuse"},
      {"/lib64/ld-linux-x86-64.so.2", "libc"}};
  for (const auto& [file, check] : cases) {
    JobView view = full();
    EXPECT_THAT(files_of_interest(view.environment), Contains(file));
    view.files.erase(file);
    for (const Finding& finding : judge(view)) {
      const bool is_well =
          finding.status == Status::kOk || (finding.check == "gpu" && check != "gpu");
      EXPECT_EQ(is_well, finding.check != check) << file << ": " << finding.check;
    }
  }
}

TEST(JudgeImage, ProgramsThatMayNotRunAreNotThere) {
  JobView view = full();
  view.files["/usr/bin/tar"].mode = 0100644;
  EXPECT_EQ(of(view, "tar").status, Status::kWarning);
  view.files["/bin/tar"] = program();
  EXPECT_EQ(of(view, "tar").detail, "/bin/tar");
  view.files["/bin/tar"] = directory(0755);
  EXPECT_EQ(of(view, "tar").status, Status::kWarning);
}

TEST(JudgeImage, Gpus) {
  JobView view = full();
  EXPECT_THAT(files_of_interest(view.environment), Contains("/dev/nvidia3"));
  view.files["/dev/nvidia0"] = view.files["/dev/nvidia3"] = device(0666);
  EXPECT_EQ(of(view, "gpu").status, Status::kWarning);
  view.files["/usr/bin/nvidia-smi"] = program();
  EXPECT_EQ(of(view, "gpu").status, Status::kOk);
  EXPECT_THAT(of(view, "gpu").detail, HasSubstr("2"));
}

TEST(JudgeImage, Disks) {
  JobView view = full();
  view.root->available = 1000;  // of 4 KiB
  EXPECT_EQ(of(view, "disk /").status, Status::kWarning);
  view.root->available = 10;
  EXPECT_EQ(of(view, "disk /").status, Status::kFail);
  view.root->is_read_only = true;
  EXPECT_EQ(of(view, "disk /").status, Status::kInfo);
  view.temporary.reset();
  EXPECT_EQ(of(view, "disk /tmp").status, Status::kSkipped);
}

TEST(JudgeImage, Locales) {
  JobView view = full();
  view.environment["LANG"] = "de_DE.UTF-8";
  EXPECT_EQ(of(view, "locale").status, Status::kWarning);
  EXPECT_THAT(files_of_interest(view.environment), Contains("/usr/lib/locale/de_DE.utf8"));
  view.files["/usr/lib/locale/de_DE.utf8"] = directory(0755);
  EXPECT_EQ(of(view, "locale").status, Status::kOk);
  view.environment["LC_ALL"] = "C";
  EXPECT_EQ(of(view, "locale").status, Status::kInfo);
}

TEST(JudgeImage, NoexecAndReadOnly) {
  JobView view = full();
  view.mounts = kMounts;
  EXPECT_THAT(of(view, "/tmp").detail, HasSubstr("noexec"));
  view.mounts = "1 0 0:1 / / ro - overlay overlay rw\n";
  EXPECT_THAT(of(view, "/tmp").detail, HasSubstr("read-only"));
  EXPECT_EQ(of(view, "home").status, Status::kWarning);
}

TEST(JobAccount, WhoMayWrite) {
  const JobAccount user = parse_account(kUser);
  EXPECT_EQ(user.uid, 7U);
  EXPECT_EQ(user.gid, 8U);
  EXPECT_FALSE(user.overrides);
  EXPECT_TRUE(may(user, directory(0700, 7), 2));
  EXPECT_FALSE(may(user, directory(0077, 7), 2));  // the owner's bits alone count
  EXPECT_TRUE(may(user, directory(0070, 1, 50), 2));
  EXPECT_FALSE(may(user, directory(0707, 1, 8), 2));
  EXPECT_TRUE(may(user, directory(0002, 1, 1), 2));
  EXPECT_TRUE(parse_account(kRoot).overrides);
  EXPECT_TRUE(may(parse_account(kRoot), directory(0, 7), 3));
}

TEST(JobAccount, NonsenseIsTaken) {
  for (const char* text : {"", "Uid:", "Uid:\n\n", "Groups: x\nGid: 1 2\nCapEff:", "\t \n"}) {
    EXPECT_FALSE(parse_account(text).overrides);
    EXPECT_EQ(mount_options(text, "/tmp"), "");
  }
}

TEST(JobAccount, Mounts) {
  EXPECT_EQ(mount_options(kMounts, "/tmp/x"), "rw,nosuid,noexec");
  EXPECT_EQ(mount_options(kMounts, "/home"), "rw,relatime");
  EXPECT_EQ(mount_options(kMounts, "/tmpfs"), "ro");
  EXPECT_TRUE(has_option("rw,noexec", "noexec"));
  EXPECT_FALSE(has_option("rw,noexec", "exec"));
}

}  // namespace
}  // namespace rdev::commands
