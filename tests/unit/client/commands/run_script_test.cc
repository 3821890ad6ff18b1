#include "client/commands/run_script.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

#include "client/sshconfig/quote.h"
#include "protocol/base/fd.h"
#include "tests/unit/client/temp_dir.h"

namespace rdev::commands {
namespace {

pid_t start(const std::vector<std::string>& words, int out = STDOUT_FILENO) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(out, STDOUT_FILENO);
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

TEST_F(RunScripts, TheCommandInheritsNoProcess) {
  const RunScript script{
      .directory = sshconfig::shell_quote(directory_),
      .patience = std::chrono::seconds(30),
      .pip = {},
      .python = {},
      .command = {"sh", "-c", "read -r left </proc/$$/task/$$/children; test -z \"$left\""}};
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const base::Fd out(ends[0]);
  base::Fd in(ends[1]);
  const pid_t job = start(job_command(script), in.get());
  in.reset();
  EXPECT_EQ(end(start(delivery_command(script, ""))), 0);
  EXPECT_EQ(end(job), 0);
  pollfd left{.fd = out.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&left, 1, 0), 1) << "something still holds the job's output";
  EXPECT_EQ(left.revents, POLLHUP);
}

TEST_F(RunScripts, ResultsAreKeptUntilTheyAreFetched) {
  RunScript script{.directory = sshconfig::shell_quote(directory_),
                   .patience = std::chrono::seconds(30),
                   .pip = {},
                   .python = {},
                   .command = {"sh", "-c", "echo made >it; exit 7"},
                   .keeps_results = true};
  const pid_t job = start(job_command(script));
  EXPECT_EQ(end(start(delivery_command(script, ""))), 0);
  for (int times = 0; times < 2; ++times) {  // who asked first may be gone
    std::vector<std::string> ended = ended_command(script);
    ended[2] += "\ntest \"$code\" = 7";
    EXPECT_EQ(end(start(ended)), 0);
  }
  const base::Fd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  EXPECT_EQ(end(start(fetch_command(script, "it"), nowhere.get())), 0);
  EXPECT_EQ(end(start(fetch_command(script, source_directory(script) + "/none"))), kNoResult);
  EXPECT_EQ(::waitpid(job, nullptr, WNOHANG), 0) << "it has ended with results in it";
  EXPECT_EQ(end(start(fetched_command(script))), 0);
  EXPECT_EQ(end(job), 7);
}

TEST_F(RunScripts, NobodyFetches) {
  const RunScript script{.directory = sshconfig::shell_quote(directory_),
                         .patience = std::chrono::seconds(1),
                         .pip = {},
                         .python = {},
                         .command = {"sh", "-c", "exit 7"},
                         .keeps_results = true};
  const pid_t job = start(job_command(script));
  EXPECT_EQ(end(start(delivery_command(script, ""))), 0);
  EXPECT_EQ(end(job), 7);
}

TEST_F(RunScripts, ACommandThatRemovesItsFolder) {
  const RunScript script{.directory = sshconfig::shell_quote(directory_),
                         .patience = std::chrono::seconds(30),
                         .pip = {},
                         .python = {},
                         .command = {"rm", "-r", directory_},
                         .keeps_results = true};
  const pid_t job = start(job_command(script));
  EXPECT_EQ(end(start(delivery_command(script, ""))), 0);
  EXPECT_EQ(end(job), 0);
}

TEST_F(RunScripts, PythonWhereOnlyPython3Is) {
  const std::string bin = (dir_.path() / "bin").string();
  const std::string tools = "mkdir " + bin +
                            " && for t in sh mkdir mkfifo sleep; do ln -s \"$(command -v $t)\" " +
                            bin + "/; done && printf '#!/bin/sh\\n[ \"$1\" = x.py ] && exit 7' >" +
                            bin + "/python3 && chmod 755 " + bin + "/python3";
  ASSERT_EQ(end(start({"sh", "-c", tools})), 0);
  const RunScript script{.directory = sshconfig::shell_quote(directory_),
                         .patience = std::chrono::seconds(30),
                         .pip = {},
                         .python = {},
                         .command = {"python", "x.py"}};
  std::vector<std::string> job = job_command(script);
  job.insert(job.begin(), {"env", "PATH=" + bin});
  const pid_t child = start(job);
  EXPECT_EQ(end(start(delivery_command(script, ""))), 0);
  EXPECT_EQ(end(child), 7);
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
