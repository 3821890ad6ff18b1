#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>

#include "tests/unit/agent/sftp/client.h"

namespace rdev::sftp {
namespace {

namespace fs = std::filesystem;
constexpr int kOk = 0;
constexpr int kEof = 1;
constexpr int kNoSuchFile = 2;
constexpr int kFailure = 4;

Fields two(std::string_view a, std::string_view b) { return Fields().string(a).string(b); }

TEST(SftpPaths, RenameRefusesToReplaceAndPosixRenameReplaces) {
  Client client;
  write_text(client.directory() / "a", "a");
  write_text(client.directory() / "b", "b");
  const auto refused = client.ask(Type::kRename, two("a", "b"));
  EXPECT_EQ(refused.status(), kFailure);
  EXPECT_EQ(refused.message(), "File exists");
  EXPECT_EQ(read_text(client.directory() / "b"), "b");
  EXPECT_EQ(client.ask(Type::kRename, two("a", "c")).status(), kOk);
  EXPECT_EQ(client.extended("posix-rename@openssh.com", two("c", "b")).status(), kOk);
  EXPECT_EQ(read_text(client.directory() / "b"), "a");
  EXPECT_FALSE(fs::exists(client.directory() / "c"));
  EXPECT_EQ(client.ask(Type::kRename, two("gone", "x")).status(), kNoSuchFile);
}

TEST(SftpPaths, SymlinkTakesItsTargetFirst) {
  Client client;
  EXPECT_EQ(client.ask(Type::kSymlink, two("target", "link")).status(), kOk);
  EXPECT_EQ(fs::read_symlink(client.directory() / "link"), "target");
  EXPECT_EQ(client.ask(Type::kReadlink, Fields().string("link")).text(), "target");
  EXPECT_GT(client.ask(Type::kReadlink, Fields().string(".")).status(), kOk);
}

TEST(SftpPaths, LinksRemovesAndMakesDirectories) {
  Client client;
  write_text(client.directory() / "a", "a");
  EXPECT_EQ(client.extended("hardlink@openssh.com", two("a", "b")).status(), kOk);
  EXPECT_EQ(fs::hard_link_count(client.directory() / "a"), 2U);
  EXPECT_EQ(client.ask(Type::kRemove, Fields().string("a")).status(), kOk);
  EXPECT_EQ(client.ask(Type::kRemove, Fields().string("a")).status(), kNoSuchFile);
  EXPECT_EQ(client.ask(Type::kMkdir, Fields().string("d").u32(0)).status(), kOk);
  EXPECT_EQ(client.ask(Type::kMkdir, Fields().string("d").u32(0)).status(), kFailure);
  write_text(client.directory() / "d" / "file", "");
  const auto refused = client.ask(Type::kRmdir, Fields().string("d"));
  EXPECT_EQ(refused.status(), kFailure);
  EXPECT_EQ(refused.message(), "Directory not empty");
  EXPECT_EQ(client.ask(Type::kRemove, Fields().string("d/file")).status(), kOk);
  EXPECT_EQ(client.ask(Type::kRmdir, Fields().string("d")).status(), kOk);
}

TEST(SftpPaths, ResolvesPathsWhoseLastPartMayBeMissing) {
  Client client;
  const auto home = client.directory().string();
  fs::create_directories(client.directory() / "d" / "e");
  fs::create_directory_symlink("d/e", client.directory() / "link");
  fs::create_symlink("d/none", client.directory() / "dangling");
  fs::create_symlink("loop", client.directory() / "loop");
  const struct {
    const char* path;
    std::string expected;  // empty: an error
  } cases[] = {
      {"", home},
      {".", home},
      {"link/..", home + "/d"},
      {"new", home + "/new"},
      {"new/", home + "/new"},
      {"link/new", home + "/d/e/new"},
      {"dangling", home + "/d/none"},
      {"/", "/"},
      {"/none-of-that-name", "/none-of-that-name"},
      {"//", "/"},
      {"new/newer", ""},
      {"new/..", ""},
      {"loop", ""},
  };
  for (const auto& c : cases) {
    const auto reply = client.ask(Type::kRealpath, Fields().string(c.path));
    EXPECT_EQ(reply.type == Type::kName ? reply.text() : "", c.expected) << c.path;
  }
}

TEST(SftpPaths, ExpandsTildeOnlyWhenAsked) {
  Client client;
  const auto home = client.directory().string();
  const auto expand = [&client](std::string_view path) {
    const auto reply = client.extended("expand-path@openssh.com", Fields().string(path));
    return reply.type == Type::kName ? reply.text() : "";
  };
  EXPECT_EQ(expand("~"), home);
  EXPECT_EQ(expand("~/new"), home + "/new");
  EXPECT_EQ(expand("~root/x"), "/root/x");
  EXPECT_EQ(expand("~nobody-has-this-name/x"), "");
  EXPECT_EQ(expand("plain"), home + "/plain");
  EXPECT_EQ(client.ask(Type::kRealpath, Fields().string("~")).text(), home + "/~");
  EXPECT_EQ(client.extended("home-directory", Fields().string("")).text(), home);
  EXPECT_EQ(client.extended("home-directory", Fields().string("root")).text(), "/root");
}

struct Entry {
  std::string name;
  std::string line;
};

std::vector<Entry> list(Client& client, std::string_view path) {
  std::vector<Entry> entries;
  const auto directory = client.ask(Type::kOpendir, Fields().string(path));
  EXPECT_EQ(directory.type, Type::kHandle);
  for (;;) {
    const auto reply = client.ask(Type::kReaddir, Fields().string(directory.text()));
    if (reply.type != Type::kName) {
      EXPECT_EQ(reply.status(), kEof);
      break;
    }
    auto in = reply.fields();
    for (auto count = in.get<std::uint32_t>(); count > 0 && in.good(); --count) {
      const auto name = in.get<std::string_view>();
      const auto line = in.get<std::string_view>();
      in.get<Attributes>();
      entries.push_back({std::string(name), std::string(line)});
    }
    EXPECT_TRUE(in.good() && in.empty());
  }
  client.ask(Type::kClose, Fields().string(directory.text()));
  return entries;
}

TEST(SftpPaths, ListsADirectoryInManyReplies) {
  Client client;
  std::set<std::string> expected = {".", ".."};
  for (int i = 0; i < 2500; ++i) {
    const auto name = std::to_string(i) + std::string(i % 240, 'x');
    write_text(client.directory() / name, "");
    expected.insert(name);
  }
  std::set<std::string> got;
  for (const auto& entry : list(client, ".")) {
    EXPECT_TRUE(got.insert(entry.name).second);
    EXPECT_TRUE(entry.line.ends_with(" " + entry.name));
  }
  EXPECT_EQ(got, expected);
}

TEST(SftpPaths, KeepsNamesThatAreNotUtf8) {
  Client client;
  const std::string name = "\xff\xfe \n'\"\\";
  client.open(name, kOpenWrite | kOpenCreate);
  EXPECT_TRUE(fs::exists(client.directory() / name));
  const auto entries = list(client, ".");
  EXPECT_TRUE(std::any_of(entries.begin(), entries.end(),
                          [&](const auto& entry) { return entry.name == name; }));
}

TEST(SftpPaths, ADirectoryIsNoFileAndAFileNoDirectory) {
  Client client;
  const auto file = client.open("file", kOpenWrite | kOpenCreate);
  EXPECT_EQ(client.ask(Type::kReaddir, Fields().string(file)).status(), kFailure);
  EXPECT_EQ(client.ask(Type::kOpendir, Fields().string("file")).status(), kNoSuchFile);
  const auto directory = client.ask(Type::kOpendir, Fields().string(".")).text();
  EXPECT_EQ(client.read(directory, 0, 1).message(), "Is a directory");
}

}  // namespace
}  // namespace rdev::sftp
