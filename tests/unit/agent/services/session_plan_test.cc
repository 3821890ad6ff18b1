#include "agent/services/session_plan.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/agent/temporary.h"

namespace rdev::services {
namespace {

namespace fs = std::filesystem;
using process::Environment;
using testing::ElementsAre;
using testing::HasSubstr;

// A job whose PATH holds one shell, of any name.
class SessionPlan : public testing::Test {
 protected:
  SessionPlan() {
    settings_.own.name = "alice";
    settings_.own.uid = 1000;
    settings_.own.shell = program("zsh");
    settings_.own.home = root_.path().string();
    settings_.job_environment = Environment({"PATH=/job/bin", "JOB=1", "SSH_TTY=/dev/pts/9"});
    request_.user = "alice";
  }
  std::string program(const std::string& name) {
    std::ofstream(root_ / name) << "#!";
    fs::permissions(root_ / name, fs::perms::owner_all);
    return (root_ / name).string();
  }
  process::Command plan() {
    auto planned = plan_session(settings_, settings_.own, request_);
    EXPECT_TRUE(planned) << planned.error().message;
    return planned.value_or(process::Command{});
  }

  test::Temporary root_;
  SessionSettings settings_;
  SessionRequest request_;
};

TEST_F(SessionPlan, ShellIsInteractiveNotLogin) {
  const process::Command command = plan();
  EXPECT_EQ(command.program, settings_.own.shell);
  EXPECT_THAT(command.argv, ElementsAre("zsh"));
  EXPECT_EQ(command.directory, root_.path().string());
  EXPECT_FALSE(command.identity);
}

TEST_F(SessionPlan, ScpIsTheAgentsOwnWhereTheImageHasNone) {
  request_.kind = SessionKind::kExec;
  settings_.agent_program = 7;
  settings_.job_environment.set("PATH", root_.path().string());
  const auto argv_of = [&](const char* line) {
    request_.command = line;
    return plan().argv;
  };
  EXPECT_THAT(argv_of("scp -r -t 'a b'"),
              ElementsAre("rdev-agent", "internal-scp", "scp -r -t 'a b'"));
  EXPECT_EQ(plan().program_fd, 7);
  EXPECT_THAT(argv_of("scp -t a; true"), ElementsAre("zsh", "-c", "scp -t a; true"));
  EXPECT_THAT(argv_of("scp a b"), ElementsAre("zsh", "-c", "scp a b"));
  program("scp");
  EXPECT_THAT(argv_of("scp -t a"), ElementsAre("zsh", "-c", "scp -t a"));
  EXPECT_EQ(plan().program_fd, -1);
}

TEST_F(SessionPlan, EnvironmentsAreToldByTheAgentsOwnFile) {
  settings_.agent_program = 7;
  request_.env_rule = EnvRule::kAll;
  request_.kind = SessionKind::kSessionEnvironment;
  EXPECT_THAT(plan().argv, ElementsAre("rdev-agent", "internal-env"));
  EXPECT_EQ(plan().program_fd, 7);
  const auto told = plan().environment.entries();
  request_.kind = SessionKind::kSftp;
  EXPECT_EQ(told, plan().environment.entries());
  request_.kind = SessionKind::kJobEnvironment;
  EXPECT_EQ(plan().environment.entries(), settings_.job_environment.entries());
}

TEST_F(SessionPlan, LoginShellHasItsDash) {
  settings_.login_shell = true;
  EXPECT_THAT(plan().argv, ElementsAre("-zsh"));
}

TEST_F(SessionPlan, ExecGoesThroughTheShell) {
  request_.kind = SessionKind::kExec;
  request_.command = "echo $HOME | cat";
  settings_.login_shell = true;
  EXPECT_THAT(plan().argv, ElementsAre("zsh", "-c", "echo $HOME | cat"));
}

TEST_F(SessionPlan, SftpIsTheAgentItself) {
  request_.kind = SessionKind::kSftp;
  settings_.agent_program = 42;
  const process::Command command = plan();
  EXPECT_EQ(command.program_fd, 42);
  EXPECT_THAT(command.argv, ElementsAre("rdev-agent", "internal-sftp"));
}

TEST_F(SessionPlan, EnvironmentIsTheJobsAndTheUsers) {
  request_.remote_address = "192.0.2.1:5000";
  request_.local_address = "[2001:db8::1]:22";
  const Environment environment = plan().environment;
  EXPECT_EQ(environment.get("JOB"), "1");
  EXPECT_EQ(environment.get("PATH"), "/job/bin");
  EXPECT_EQ(environment.get("USER"), "alice");
  EXPECT_EQ(environment.get("LOGNAME"), "alice");
  EXPECT_EQ(environment.get("HOME"), root_.path().string());
  EXPECT_EQ(environment.get("SHELL"), settings_.own.shell);
  EXPECT_EQ(environment.get("SSH_CONNECTION"), "192.0.2.1 5000 2001:db8::1 22");
  EXPECT_EQ(environment.get("SSH_CLIENT"), "192.0.2.1 5000 22");
  EXPECT_EQ(environment.get("SSH_TTY"), std::nullopt);
  EXPECT_EQ(environment.get("TERM"), std::nullopt);
}

TEST_F(SessionPlan, UnixSocketsHaveNoAddress) {
  request_.remote_address = request_.local_address = "unix";
  EXPECT_EQ(plan().environment.get("SSH_CONNECTION"), "UNKNOWN 65535 UNKNOWN 65535");
}

TEST_F(SessionPlan, ClientMaySetSomeOfIt) {
  request_.env = {{"LC_ALL", "C.UTF-8"}, {"PATH", "/evil"}, {"LD_PRELOAD", "/evil.so"}};
  request_.terminal = TerminalRequest{.term = "xterm-256color"};
  const Environment environment = plan().environment;
  EXPECT_EQ(environment.get("LC_ALL"), "C.UTF-8");
  EXPECT_EQ(environment.get("PATH"), "/job/bin");
  EXPECT_EQ(environment.get("LD_PRELOAD"), std::nullopt);
  EXPECT_EQ(environment.get("TERM"), "xterm-256color");
}

TEST_F(SessionPlan, PathHasADefault) {
  settings_.job_environment = Environment();
  EXPECT_EQ(plan().environment.get("PATH"), process::kDefaultPath);
}

TEST_F(SessionPlan, BusyboxIsNoValueForShell) {
  settings_.own.shell = program("busybox");
  const process::Command command = plan();
  EXPECT_THAT(command.argv, ElementsAre("sh"));
  EXPECT_EQ(command.environment.get("SHELL"), std::nullopt);
}

TEST_F(SessionPlan, AnotherUserIsBecome) {
  process::Account account = settings_.own;
  account.name = "nobody";
  account.uid = 65534;
  account.gid = 65533;
  account.home = "/nowhere";
  const auto planned = plan_session(settings_, account, request_);
  ASSERT_TRUE(planned && planned->identity);
  EXPECT_EQ(planned->identity->uid, 65534U);
  EXPECT_EQ(planned->identity->gid, 65533U);
  EXPECT_THAT(planned->identity->groups, testing::Contains(65533U));
  EXPECT_EQ(planned->directory, "/nowhere");
  EXPECT_EQ(planned->environment.get("USER"), "nobody");
}

// `rdev exec`.
class ArgvPlan : public SessionPlan {
 protected:
  ArgvPlan() {
    request_.kind = SessionKind::kArgv;
    request_.argv = {"tool", "", "a b", "$HOME"};
    request_.env_rule = EnvRule::kAll;
    request_.remote_address = request_.local_address = "link";
  }
  std::string refusal() {
    const auto planned = plan_session(settings_, settings_.own, request_);
    EXPECT_FALSE(planned);
    return planned ? "" : std::to_string(planned.error().exit_code) + " " + planned.error().message;
  }
};

TEST_F(ArgvPlan, IsExact) {
  settings_.login_shell = true;
  const process::Command command = plan();
  EXPECT_EQ(command.program, "tool");
  EXPECT_THAT(command.argv, ElementsAre("tool", "", "a b", "$HOME"));
  EXPECT_EQ(command.directory, root_.path().string());
}

TEST_F(ArgvPlan, NeedsNoShell) {
  settings_.own.shell.clear();
  settings_.shell_path.clear();
  EXPECT_EQ(plan().program, "tool");
}

TEST_F(ArgvPlan, EnvironmentIsThatOfASession) {
  settings_.job_environment.set("SSH_CONNECTION", "of the agent's own session");
  const Environment environment = plan().environment;
  EXPECT_EQ(environment.get("JOB"), "1");
  EXPECT_EQ(environment.get("USER"), "alice");
  EXPECT_EQ(environment.get("HOME"), root_.path().string());
  EXPECT_EQ(environment.get("SHELL"), settings_.own.shell);
  EXPECT_EQ(environment.get("PATH"), "/job/bin");
  EXPECT_EQ(environment.get("SSH_CONNECTION"), std::nullopt);
  EXPECT_EQ(environment.get("SSH_CLIENT"), std::nullopt);
  EXPECT_EQ(environment.get("SSH_TTY"), std::nullopt);
}

TEST_F(ArgvPlan, TheUserHasTheLastWord) {
  request_.terminal = TerminalRequest{.term = "xterm"};
  request_.env = {{"LD_PRELOAD", "/mine.so"}, {"PATH", "/my/bin"},
                  {"HOME", "/elsewhere"},     {"USER", "bob"},
                  {"TERM", "dumb"},           {"JOB", ""}};
  const process::Command command = plan();
  EXPECT_EQ(command.directory, root_.path().string()) << "HOME is a word to the program only";
  for (const auto& [name, value] : request_.env) {
    EXPECT_EQ(command.environment.get(name), value) << name;
  }
}

TEST_F(ArgvPlan, RefusesWhatCannotBe) {
  request_.argv = {};
  EXPECT_EQ(refusal(), "127 the command is empty");
  request_.argv = {""};
  EXPECT_EQ(refusal(), "127 the command is empty");
  request_.argv = {"tool", std::string("a\0b", 3)};
  EXPECT_THAT(refusal(), HasSubstr("zero byte"));
}

}  // namespace
}  // namespace rdev::services
