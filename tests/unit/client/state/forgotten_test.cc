#include "client/state/forgotten.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <fstream>
#include <optional>

#include "client/state/job_record.h"
#include "tests/unit/client/temp_dir.h"

namespace rdev::state {
namespace {

class Forgotten : public testing::Test {
 protected:
  Forgotten() {
    record_.name = "train";
    record_.id = "1";
    record_.cluster = "local";
    EXPECT_TRUE(save(paths_, record_));
  }
  void watch() {
    asio::co_spawn(context_, until_forgotten(paths_, "train"),
                   [this](const std::exception_ptr&, const Result<void>& r) { result_ = r; });
    context_.poll();
  }
  bool ends() {
    context_.run_for(std::chrono::seconds(10));
    return result_ && *result_;
  }

  test::TempDir dir_;
  Paths paths_ = dir_.paths();
  JobRecord record_;
  asio::io_context context_{1};
  std::optional<Result<void>> result_;
};

TEST_F(Forgotten, EndsWithTheRecordThoughALogIsOpen) {
  const std::ofstream log(job_files(paths_, "train").dir / "log");
  watch();
  EXPECT_FALSE(result_);
  EXPECT_TRUE(remove(paths_, "train"));
  EXPECT_TRUE(ends());
}

TEST_F(Forgotten, OutlivesChanges) {
  watch();
  EXPECT_TRUE(save(paths_, record_));
  test::write_text(job_files(paths_, "train").dir / "other", "");
  std::filesystem::remove(job_files(paths_, "train").dir / "other");
  context_.poll();
  EXPECT_FALSE(result_);
  EXPECT_TRUE(remove(paths_, "train"));
  EXPECT_TRUE(ends());
}

TEST_F(Forgotten, EndsAtOnceWhenThereIsNone) {
  EXPECT_TRUE(remove(paths_, "train"));
  watch();
  EXPECT_TRUE(ends());
}

}  // namespace
}  // namespace rdev::state
