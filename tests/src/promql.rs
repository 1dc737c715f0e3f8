//! What expressions of Prometheus ask for. Read is the part of the language that our dashboards are written in; whatever
//! else stands in an expression is refused, so that nothing is passed over.

use std::collections::BTreeSet;

use anyhow::{Result, bail, ensure};

const AGGREGATIONS: [&str; 6] = ["avg", "count", "max", "min", "sum", "topk"];
const FUNCTIONS: [&str; 6] = [
    "clamp_min",
    "histogram_quantile",
    "increase",
    "max_over_time",
    "rate",
    "time",
];
const UNITS: &str = "smhdw";

/// A metric that an expression asks for, and the labels that it has to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The metric.
    pub metric: String,
    /// Labels that it is chosen by, or told apart by.
    pub labels: BTreeSet<String>,
}

/// What an expression asks for, metric by metric.
///
/// # Errors
/// When it is not understood.
pub fn wanted(expression: &str) -> Result<Vec<Wanted>> {
    let mut reader = Reader {
        rest: expression,
        wanted: Vec::new(),
    };
    let read = reader.expression();
    let read = read.and_then(|()| reader.end());
    read.map_err(|error| anyhow::anyhow!("`{expression}`, before `{}`: {error}", reader.rest))?;
    Ok(reader.wanted)
}

struct Reader<'e> {
    rest: &'e str,
    wanted: Vec<Wanted>,
}

impl<'e> Reader<'e> {
    fn expression(&mut self) -> Result<()> {
        self.operand()?;
        while self.operator() {
            self.operand()?;
        }
        Ok(())
    }

    fn operator(&mut self) -> bool {
        const OPERATORS: [&str; 12] = [
            "==", "!=", ">=", "<=", ">", "<", "+", "-", "*", "/", "and ", "or ",
        ];
        OPERATORS.into_iter().any(|operator| self.takes(operator))
    }

    fn operand(&mut self) -> Result<()> {
        if self.takes("(") {
            self.expression()?;
            return self.expect(")");
        }
        if let Some(number) = self.while_in(|char| char.is_ascii_digit() || char == '.') {
            number.parse::<f64>()?;
            return Ok(());
        }
        let name = self.name()?;
        if AGGREGATIONS.contains(&name) {
            let first = self.wanted.len();
            let mut labels = self.grouping()?;
            self.arguments()?;
            labels.extend(self.grouping()?);
            for wanted in self.wanted.iter_mut().skip(first) {
                wanted.labels.extend(labels.iter().cloned());
            }
            return Ok(());
        }
        if FUNCTIONS.contains(&name) {
            return self.arguments();
        }
        let labels = self.matchers()?;
        self.range()?;
        self.wanted.push(Wanted {
            metric: name.to_owned(),
            labels,
        });
        Ok(())
    }

    fn arguments(&mut self) -> Result<()> {
        self.expect("(")?;
        if self.takes(")") {
            return Ok(());
        }
        self.expression()?;
        while self.takes(",") {
            self.expression()?;
        }
        self.expect(")")
    }

    /// `by (a, b)`, if it stands here.
    fn grouping(&mut self) -> Result<BTreeSet<String>> {
        let mut labels = BTreeSet::new();
        if !self.takes("by ") {
            return Ok(labels);
        }
        self.expect("(")?;
        loop {
            labels.insert(self.name()?.to_owned());
            if self.takes(")") {
                return Ok(labels);
            }
            self.expect(",")?;
        }
    }

    /// `{a="b", c=~"d"}`, if it stands here.
    fn matchers(&mut self) -> Result<BTreeSet<String>> {
        let mut labels = BTreeSet::new();
        if !self.takes("{") {
            return Ok(labels);
        }
        loop {
            labels.insert(self.name()?.to_owned());
            let is_matcher = ["=~", "!~", "!=", "="].into_iter().any(|it| self.takes(it));
            ensure!(is_matcher, "no matcher");
            self.expect("\"")?;
            let Some((value, rest)) = self.rest.split_once('"') else {
                bail!("no end of text");
            };
            ensure!(!value.contains('\\'), "texts with escapes are not read");
            self.rest = rest;
            if self.takes("}") {
                return Ok(labels);
            }
            self.expect(",")?;
        }
    }

    /// `[5m]` or `[$__rate_interval]`, if it stands here.
    fn range(&mut self) -> Result<()> {
        if !self.takes("[") || self.takes("$__rate_interval]") {
            return Ok(());
        }
        ensure!(
            self.while_in(|char| char.is_ascii_digit()).is_some(),
            "no duration"
        );
        let unit = self.rest.chars().next().unwrap_or_default();
        ensure!(UNITS.contains(unit), "no unit of time");
        self.rest = self.rest.strip_prefix(unit).unwrap_or_default();
        self.expect("]")
    }

    fn name(&mut self) -> Result<&'e str> {
        self.skip_blanks();
        let begins = |char: char| char.is_ascii_alphabetic() || char == '_';
        ensure!(self.rest.starts_with(begins), "no name");
        let name = self.while_in(|char| char.is_ascii_alphanumeric() || char == '_');
        Ok(name.unwrap_or_default())
    }

    fn while_in(&mut self, is_part: impl Fn(char) -> bool) -> Option<&'e str> {
        self.skip_blanks();
        let end = self.rest.find(|char| !is_part(char));
        let (part, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        (!part.is_empty()).then_some(part)
    }

    fn takes(&mut self, token: &str) -> bool {
        self.skip_blanks();
        let after = self.rest.strip_prefix(token);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn expect(&mut self, token: &str) -> Result<()> {
        ensure!(self.takes(token), "no `{token}`");
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        self.skip_blanks();
        ensure!(self.rest.is_empty(), "this is not understood");
        Ok(())
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(expression: &str) -> Vec<String> {
        let wanted = wanted(expression).unwrap();
        let line = |wanted: &Wanted| {
            let labels: Vec<_> = wanted.labels.iter().map(String::as_str).collect();
            format!("{} {}", wanted.metric, labels.join(","))
        };
        wanted.iter().map(line).collect()
    }

    #[test]
    fn metrics_are_told_with_the_labels_that_they_have_to_have() {
        assert_eq!(told("up"), ["up "]);
        assert_eq!(told("a - 1 > 0.5 or b{c!=\"d\"}"), ["a ", "b c"]);
        assert_eq!(
            told(
                "histogram_quantile(0.95, sum by (le, x) (rate(a_bucket{y=~\"$y\"}[$__rate_interval])))"
            ),
            ["a_bucket le,x,y"]
        );
        assert_eq!(
            told("topk(10, sum(rate(a[5m])) by (p)) / clamp_min(sum(increase(b[1h])), 1)"),
            ["a p", "b "]
        );
        assert_eq!(told("time() - max(c)"), ["c "]);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for expression in [
            "",
            "a b",
            "sum(a",
            "sum by a (b)",
            "a{b}",
            "a{b=\"c\\\"\"}",
            "a[5]",
            "a[5m:1m]",
            "a offset 5m",
            "a * on (b) c",
            "sum without (b) (a)",
            "deriv(a[5m])",
            "a == bool b",
        ] {
            assert!(wanted(expression).is_err(), "{expression}");
        }
    }
}
