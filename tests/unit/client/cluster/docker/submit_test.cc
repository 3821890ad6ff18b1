#include "client/cluster/docker/submit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <future>

#include "tests/unit/client/cluster/docker/fake_engine.h"
#include "tests/unit/client/cluster/docker/wait_for.h"
#include "tests/unit/client/temp_dir.h"

namespace rdev::cluster::docker {
namespace {

using test::FakeEngine;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kInspect[] = "GET /images/debian:12/json";
constexpr char kCreate[] = "POST /containers/create?name=rdev-t-0123456789ab";
constexpr char kCopy[] = "PUT /containers/c1/archive?path=%2F.rdev";
constexpr char kStart[] = "POST /containers/c1/start";
constexpr char kRemove[] = "DELETE /containers/rdev-t-0123456789ab?force=1&v=1";

// A submission to an engine where all goes well but what a test sets in `answers_`.
class Submit : public ::testing::Test {
 protected:
  Submit() {
    test::write_text(dir_.path() / "agent", "the agent");
    spec_.name = "t";
    spec_.id = "0123456789abcdef";
    spec_.image = "debian:12";
    spec_.host_seed = std::string(32, 'S');
    spec_.agent_binary = dir_.path() / "agent";
    answers_[kInspect] = FakeEngine::response(200, R"({"Os":"linux","Architecture":"amd64"})");
    answers_[kCreate] = FakeEngine::response(201, R"({"Id":"c1"})");
    answers_[kCopy] = FakeEngine::response(200, "");
    answers_[kStart] = FakeEngine::response(204, "");
    answers_[kRemove] = FakeEngine::response(204, "");
  }

  Result<JobRef> submit() {
    FakeEngine fake([this](const std::string& line, const std::string& body) {
      (line == kCopy ? archive_ : other_bodies_) += body;
      if (line == cancel_at_) {
        cancelled_.get_future().wait();  // the answer comes too late
      }
      const auto answer = answers_.find(line);
      return answer == answers_.end() ? FakeEngine::response(404, R"({"message":"no"})")
                                      : answer->second;
    });
    asio::io_context context;
    Engine engine(fake.address());
    asio::cancellation_signal cancel;
    Result<JobRef> result;
    const DockerConfig config;
    const Cluster::Progress progress = [](const std::string&, const std::string&) {};
    asio::co_spawn(context, test::keep_result(submit_job(engine, config, spec_, progress), result),
                   asio::bind_cancellation_slot(cancel.slot(), [](const std::exception_ptr&) {}));
    std::thread interrupt;
    if (!cancel_at_.empty()) {
      interrupt = std::thread([&] {
        fake.wait_for(cancel_at_);
        asio::post(context, [&] {
          cancel.emit(asio::cancellation_type::terminal);
          cancelled_.set_value();
        });
      });
    }
    context.run();
    if (interrupt.joinable()) {
      interrupt.join();
    }
    requests_ = fake.requests();
    heads_ = fake.heads();
    return result;
  }

  test::TempDir dir_;
  JobSpec spec_;
  std::map<std::string, std::string> answers_;
  std::string cancel_at_;  // the request at which Ctrl-C comes
  std::promise<void> cancelled_;
  std::vector<std::string> requests_;
  std::string heads_, archive_, other_bodies_;
};

TEST_F(Submit, FillsTheVolumeBetweenCreationAndStart) {
  const auto ref = submit();
  ASSERT_TRUE(ref) << ref.error().message;
  EXPECT_EQ(ref->native, "c1");
  EXPECT_THAT(requests_, ElementsAre(kInspect, kCreate, kCopy, kStart));
}

TEST_F(Submit, TheSecretTravelsInTheArchiveOnly) {
  ASSERT_TRUE(submit());
  EXPECT_THAT(archive_, HasSubstr("SSSS"));
  EXPECT_THAT(other_bodies_, Not(HasSubstr("SSSS")));
  EXPECT_THAT(heads_, Not(HasSubstr("SSSS")));
}

TEST_F(Submit, RemovesTheContainerWhenItDoesNotStart) {
  answers_[kStart] = FakeEngine::response(500, R"({"message":"port is already allocated"})");
  const auto ref = submit();
  EXPECT_EQ(ref.error().code, Code::kExists);
  EXPECT_THAT(ref.error().message, Not(HasSubstr("left behind")));
  EXPECT_THAT(requests_, ElementsAre(kInspect, kCreate, kCopy, kStart, kRemove));
}

TEST_F(Submit, SaysWhatItCannotRemove) {
  answers_[kStart] = FakeEngine::response(500, R"({"message":"x"})");
  answers_[kRemove] = FakeEngine::response(500, R"({"message":"busy"})");
  EXPECT_THAT(submit().error().message,
              HasSubstr("rdev-t-0123456789ab may be left behind: removing container"));
}

TEST_F(Submit, DoesNotRemoveSomebodyElsesContainer) {
  answers_[kCreate] = FakeEngine::response(409, R"({"message":"is already in use by container"})");
  EXPECT_EQ(submit().error().code, Code::kExists);
  EXPECT_THAT(requests_, ElementsAre(kInspect, kCreate));
}

TEST_F(Submit, MakesNothingForAnotherPlatform) {
  answers_[kInspect] = FakeEngine::response(200, R"({"Os":"linux","Architecture":"arm64"})");
  EXPECT_THAT(submit().error().message, HasSubstr("linux/arm64"));
  EXPECT_THAT(requests_, ElementsAre(kInspect));
}

TEST_F(Submit, MakesNothingWithoutTheAgentsProgram) {
  spec_.agent_binary = dir_.path() / "nosuch";
  EXPECT_EQ(submit().error().code, Code::kNotFound);
  EXPECT_THAT(requests_, ElementsAre());
}

TEST_F(Submit, PullsAMissingImageAndReportsTheRegistrysRefusal) {
  answers_[kInspect] = FakeEngine::response(404, R"({"message":"No such image"})");
  answers_["POST /images/create?fromImage=debian&tag=12"] = FakeEngine::response(
      200,
      "{\"status\":\"Pulling\",\"id\":\"12\"}\r\n"
      "{\"errorDetail\":{\"message\":\"unauthorized: no\"},\"error\":\"unauthorized: no\"}\r\n");
  EXPECT_THAT(submit().error().message, HasSubstr("docker login"));
  EXPECT_THAT(requests_, Not(Contains(kCreate)));
}

TEST_F(Submit, CancelledWhileItStartsItCleansUp) {
  answers_[kStart] = FakeEngine::kHang;
  cancel_at_ = kStart;
  EXPECT_EQ(submit().error().code, Code::kCancelled);
  EXPECT_THAT(requests_, ElementsAre(kInspect, kCreate, kCopy, kStart, kRemove));
}

TEST_F(Submit, CancelledDuringCreationItWaitsForTheContainerToRemoveIt) {
  cancel_at_ = kCreate;
  EXPECT_EQ(submit().error().code, Code::kCancelled);
  EXPECT_THAT(requests_, ElementsAre(kInspect, kCreate, kRemove));
}

}  // namespace
}  // namespace rdev::cluster::docker
