#include "agent/vitals/vitals.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/agent/temporary.h"

namespace rdev::vitals {
namespace {

namespace fs = std::filesystem;

// A file system as a container sees it.
class VitalsTest : public testing::Test {
 protected:
  VitalsTest() {
    put("proc/meminfo", "MemTotal:       8000 kB\nMemFree: 10 kB\nMemAvailable:    6000 kB\n");
  }
  void put(const std::string& path, const std::string& text) {
    const fs::path file = root() / path;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  fs::path root() const { return dir_ / "root"; }
  void expect(std::uint64_t used, std::uint64_t limit) {
    const Memory found = memory(root());
    EXPECT_EQ(found.used, used);
    EXPECT_EQ(found.limit, limit);
  }

 private:
  test::Temporary dir_;
};

constexpr std::uint64_t kTotal = 8'192'000, kUsed = 2'048'000;

TEST_F(VitalsTest, WithoutControlGroupsTheMachineCounts) { expect(kUsed, kTotal); }

TEST_F(VitalsTest, WithoutAnythingNothingIsKnown) {
  fs::remove_all(root() / "proc");
  expect(0, 0);
  EXPECT_EQ(load(root()), 0);
}

TEST_F(VitalsTest, TheSecondVersionInANamespaceOfItsOwn) {
  put("proc/self/cgroup", "0::/\n");
  put("sys/fs/cgroup/memory.max", "1000000\n");
  put("sys/fs/cgroup/memory.current", "900000\n");
  put("sys/fs/cgroup/memory.stat", "anon 500000\nfile 400000\ninactive_file 300000\n");
  expect(600000, 1000000);
}

TEST_F(VitalsTest, TheTightestLimitOnTheWayUp) {
  put("proc/self/cgroup", "0::/slice/job/leaf\n");
  put("sys/fs/cgroup/slice/job/leaf/memory.max", "max\n");
  put("sys/fs/cgroup/slice/job/leaf/memory.current", "1\n");
  put("sys/fs/cgroup/slice/job/memory.max", "2000000\n");
  put("sys/fs/cgroup/slice/job/memory.current", "1234567\n");
  put("sys/fs/cgroup/slice/memory.max", "3000000\n");
  put("sys/fs/cgroup/slice/memory.current", "2\n");
  expect(1234567, 2000000);
}

TEST_F(VitalsTest, AGroupWithoutALimitIsTheMachine) {
  put("proc/self/cgroup", "0::/\n");
  put("sys/fs/cgroup/memory.max", "max\n");
  put("sys/fs/cgroup/memory.current", "1000\n");
  expect(kUsed, kTotal);
}

TEST_F(VitalsTest, TheFirstVersionWithThePathOfTheHost) {
  put("proc/self/cgroup", "9:cpu,cpuacct:/docker/12\n4:memory:/docker/12\n0::/docker/12\n");
  put("sys/fs/cgroup/memory/memory.limit_in_bytes", "5000000\n");
  put("sys/fs/cgroup/memory/memory.usage_in_bytes", "700000\n");
  put("sys/fs/cgroup/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 200000\n");
  expect(500000, 5000000);
}

TEST_F(VitalsTest, TheFirstVersionSaysNoLimitWithAHugeOne) {
  put("proc/self/cgroup", "4:memory:/\n");
  put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  put("sys/fs/cgroup/memory/memory.usage_in_bytes", "700000\n");
  expect(kUsed, kTotal);
}

TEST_F(VitalsTest, APathOutsideOfTheMountIsNotFollowed) {
  put("proc/self/cgroup", "0::/../other\n");
  put("sys/fs/other/memory.max", "1\n");
  put("sys/fs/cgroup/memory.max", "1000000\n");
  put("sys/fs/cgroup/memory.current", "7\n");
  expect(7, 1000000);
}

TEST_F(VitalsTest, NonsenseIsPassedOver) {
  put("proc/self/cgroup", "\n:\nmemory\n0::\n");
  put("proc/meminfo", "MemTotal:\nMemTotal\n");
  expect(0, 0);
}

TEST_F(VitalsTest, TheLoadOfOneMinute) {
  put("proc/loadavg", "1.25 0.50 0.10 3/120 4567\n");
  EXPECT_DOUBLE_EQ(load(root()), 1.25);
}

TEST(Vitals, OfThisMachine) {
  const Vitals vitals = read();
  EXPECT_GT(vitals.time_unix_ms(), 1700000000000u);
  EXPECT_GT(vitals.memory_limit(), 0u);
  EXPECT_GT(vitals.memory_used(), 0u);
  EXPECT_LE(vitals.memory_used(), vitals.memory_limit());
  EXPECT_GE(vitals.load(), 0);
}

}  // namespace
}  // namespace rdev::vitals
