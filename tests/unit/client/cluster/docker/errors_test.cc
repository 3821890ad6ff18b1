#include "client/cluster/docker/errors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rdev::cluster::docker {
namespace {

// The engine's messages as a dockerd 20.10 gave them.
TEST(SubmitError, KnownReasonsGetTheirSentence) {
  const struct {
    Step step;
    int status;
    std::string message;
    Code code;
    std::string sentence;
  } table[] = {
      {Step::kStart, 500,
       "driver failed programming external connectivity on endpoint x (00): Error starting "
       "userland "
       "proxy: listen tcp4 127.0.0.1:4444: bind: address already in use",
       Code::kExists, "is taken: agent on 127.0.0.1:4444, 8080"},
      {Step::kStart, 500, "Bind for 127.0.0.1:4444 failed: port is already allocated",
       Code::kExists, "is taken"},
      {Step::kStart, 500, "listen tcp4 10.1.2.3:1: bind: cannot assign requested address",
       Code::kUsage, "does not have the address"},
      {Step::kCreate, 404, "No such image: i:1", Code::kNotFound, "image i:1 not found"},
      {Step::kCreate, 400,
       "invalid mount config for type \"bind\": bind source path does not exist: /nosuch",
       Code::kUsage, "does not exist where the engine runs"},
      {Step::kStart, 400, "unable to find user joe: no matching entries in passwd file",
       Code::kUsage, "no such user in the image: joe"},
      {Step::kCopy, 500, "write /.rdev/rdev-agent: no space left on device", Code::kLimit,
       "disk is full"},
      {Step::kStart, 500, "could not select device driver \"\" with capabilities: [[gpu]]",
       Code::kUsage, "no GPU support"},
      {Step::kCreate, 400, "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available",
       Code::kUsage, "as many CPUs"},
      {Step::kCreate, 409,
       "Conflict. The container name \"/x\" is already in use by container \"y\".", Code::kExists,
       "exists already"},
      {Step::kStart, 400,
       "OCI runtime create failed: runc create failed: error mounting \"/a\" to rootfs at \"/b\"",
       Code::kUsage, "can't be mounted"},
      {Step::kStart, 400,
       "OCI runtime create failed: exec: \"/.rdev/rdev-agent\": exec format error", Code::kUsage,
       "linux/amd64"},
  };
  JobSpec spec;
  spec.image = "i:1";
  spec.user = "joe";
  spec.publish = "127.0.0.1:4444";
  spec.ports = {8080};
  for (const auto& row : table) {
    const Error error = submit_error(row.step, row.status, row.message, spec);
    EXPECT_EQ(error.code, row.code) << row.message;
    EXPECT_THAT(error.message, ::testing::HasSubstr(row.sentence));
    EXPECT_THAT(error.message, ::testing::EndsWith("(" + row.message + ")"));
  }
}

TEST(SubmitError, TheRestIsSaidAsTheEngineSaysIt) {
  const Error error = submit_error(Step::kStart, 500, "something new", JobSpec());
  EXPECT_EQ(error.code, Code::kFailed);
  EXPECT_EQ(error.message, "cannot start the container: something new");
  EXPECT_EQ(submit_error(Step::kCreate, 400, "x", JobSpec()).code, Code::kUsage);
}

}  // namespace
}  // namespace rdev::cluster::docker
