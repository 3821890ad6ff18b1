#include "client/commands/run_script.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

#include "client/sshconfig/quote.h"
#include "tests/unit/client/temp_dir.h"

namespace rdev::commands {
namespace {

pid_t start(const std::vector<std::string>& words) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::vector<char*> argv;
    argv.reserve(words.size() + 1);
    for (const std::string& word : words) {
      argv.push_back(const_cast<char*>(word.c_str()));
    }
    argv.push_back(nullptr);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  return child;
}

int end(pid_t child) {
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

class RunScripts : public ::testing::Test {
 protected:
  test::TempDir dir_;
  std::string directory_ = (dir_.path() / "run").string();
};

TEST_F(RunScripts, TheCommandBeginsWhenWhoLetItHasExited) {
  const std::string left = sshconfig::shell_quote((dir_.path() / "left").string());
  const RunScript script{.directory = sshconfig::shell_quote(directory_),
                         .patience = std::chrono::seconds(30),
                         .pip = {},
                         .python = {},
                         .command = {"sh", "-c", "test -e " + left + " && exit 7"}};
  const pid_t job = start(job_command(script));
  std::vector<std::string> delivery = delivery_command(script, "");
  delivery[2] += "\nsleep 0.3\n: >" + left;  // a shell that takes long to exit
  EXPECT_EQ(end(start(delivery)), 0);
  EXPECT_EQ(end(job), 7);
}

TEST_F(RunScripts, NobodyComes) {
  const RunScript script{.directory = sshconfig::shell_quote(directory_),
                         .patience = std::chrono::seconds(0),
                         .pip = {},
                         .python = {},
                         .command = {"true"}};
  EXPECT_EQ(end(start(job_command(script))), 1);
}

}  // namespace
}  // namespace rdev::commands
