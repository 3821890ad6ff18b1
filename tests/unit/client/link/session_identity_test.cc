#include "client/link/session_identity.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "client/state/job_record.h"
#include "protocol/laptop.pb.h"
#include "tests/unit/client/temp_dir.h"

namespace rdev::link_process {
namespace {

struct SessionIdentity : testing::Test {
  SessionIdentity() { std::filesystem::create_directories(file.parent_path()); }
  Hello hello(const std::string& job_id = "one") {
    auto made = make_hello(dir.paths(), "train", job_id);
    EXPECT_TRUE(made) << made.error().message;
    return made.value_or(Hello());
  }
  test::TempDir dir;
  const std::filesystem::path file = state::job_files(dir.paths(), "train").dir / "link.session";
};

TEST_F(SessionIdentity, TheNextLinkProcessGoesOnWithTheSession) {
  const Hello first = hello();
  const Hello second = hello();
  EXPECT_EQ(first.session_id().size(), 16u);
  EXPECT_EQ(first.session_secret().size(), 32u);
  EXPECT_EQ(second.session_id(), first.session_id());
  EXPECT_EQ(second.session_secret(), first.session_secret());
  EXPECT_NE(second.process_id(), first.process_id());
  EXPECT_EQ(second.former_id(), "");
  EXPECT_EQ(test::mode_of(file), 0600u);
}

TEST_F(SessionIdentity, AfterARestartOfTheMachineItEndsTheFormerOne) {
  const Hello before = hello();
  LinkSession session;
  ASSERT_TRUE(session.ParseFromString(test::read_text(file)));
  session.set_boot_id("another");
  test::write_text(file, session.SerializeAsString());
  const Hello after = hello();
  EXPECT_NE(after.session_id(), before.session_id());
  EXPECT_NE(after.session_secret(), before.session_secret());
  EXPECT_EQ(after.former_id(), before.session_id());
  EXPECT_EQ(after.former_secret(), before.session_secret());
  EXPECT_EQ(hello().session_id(), after.session_id());
}

TEST_F(SessionIdentity, AnotherJobOrABrokenFileBeginsAnew) {
  const Hello first = hello();
  const Hello other = hello("two");
  EXPECT_NE(other.session_id(), first.session_id());
  EXPECT_EQ(other.former_id(), "");
  test::write_text(file, "\xff nonsense");
  EXPECT_NE(hello("two").session_id(), other.session_id());
}

}  // namespace
}  // namespace rdev::link_process
