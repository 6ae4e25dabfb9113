//! A terminal that may go away: lines for it are dropped then.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use console::Term;
use indicatif::{ProgressDrawTarget, TermLike};

/// Draws on standard error for as long as there is a terminal.
pub(crate) fn stderr() -> ProgressDrawTarget {
    ProgressDrawTarget::term_like_with_hz(Box::new(Screen::default()), 20)
}

/// Standard error. indicatif panics when a write around its bars fails; here none does.
#[derive(Debug)]
struct Screen {
    term: Term,
    gone: AtomicBool,
}

impl Default for Screen {
    fn default() -> Self {
        Self {
            term: Term::buffered_stderr(),
            gone: AtomicBool::new(false),
        }
    }
}

impl Screen {
    fn draw(&self, draw: impl FnOnce(&Term) -> io::Result<()>) -> io::Result<()> {
        use io::ErrorKind::{Interrupted, WouldBlock};
        if self.gone.load(Ordering::Relaxed) {
            return Ok(());
        }
        let gone =
            draw(&self.term).is_err_and(|error| !matches!(error.kind(), Interrupted | WouldBlock));
        self.gone.fetch_or(gone, Ordering::Relaxed);
        Ok(())
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        self.term.size().1
    }

    fn height(&self) -> u16 {
        self.term.size().0
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        self.draw(|term| term.move_cursor_up(lines))
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        self.draw(|term| term.move_cursor_down(lines))
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        self.draw(|term| term.move_cursor_right(columns))
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        self.draw(|term| term.move_cursor_left(columns))
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.draw(|term| term.write_line(text))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.draw(|term| term.write_str(text))
    }

    fn clear_line(&self) -> io::Result<()> {
        self.draw(Term::clear_line)
    }

    fn flush(&self) -> io::Result<()> {
        self.draw(Term::flush)
    }
}
