//! Tokens to [`Expression`]: a parser by binding strength (Pratt).

use super::shape::{Object, STATE, Shape};
use super::token::{Token, error, lex};
use super::{
    DEPTH_MAX, Expression, Key, NODES_MAX, Operator, Path, PredicateError, TEXT_BYTES_MAX,
};
use crate::lab::event_names::NAMES;
use crate::lab::nearest::nearest;
use serde_json::Value;

/// Words that begin an expression besides the fields of the state.
const WORDS: [&str; 12] =
    ["time", "done", "got", "held", "count", "size", "sum", "all", "any", "true", "false", "null"];

pub(super) fn parse(text: &str) -> Result<Expression, PredicateError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(PredicateError {
            column: 1,
            found: format!("{} bytes", text.len()),
            expected: format!("a predicate of at most {TEXT_BYTES_MAX} bytes"),
            near: None,
        });
    }
    let mut parser = Parser { tokens: lex(text)?, next: 0, depth: 0, nodes: 0, it: None };
    let expression = parser.expression(0)?;
    match parser.peek() {
        Token::End => Ok(expression),
        _ => Err(parser.error("an operator or the end")),
    }
}

struct Parser {
    tokens: Vec<(Token, usize)>,
    next: usize,
    depth: usize,
    nodes: usize,
    /// The shape of `it` inside `all(list, ...)` and `any(list, ...)`; the inner `None`: unknown.
    it: Option<Option<Shape>>,
}

type Parsed<T> = Result<T, PredicateError>;

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.next].0
    }

    fn column(&self) -> usize {
        self.tokens[self.next].1
    }

    fn take(&mut self) -> Token {
        let token = self.peek().clone();
        if self.next + 1 < self.tokens.len() {
            self.next += 1;
        }
        token
    }

    fn accept(&mut self, mark: &str) -> bool {
        let is = matches!(self.peek(), Token::Mark(m) if *m == mark);
        if is {
            self.take();
        }
        is
    }

    fn expect(&mut self, mark: &str) -> Parsed<()> {
        match self.accept(mark) {
            true => Ok(()),
            false => Err(self.error(mark)),
        }
    }

    fn error(&self, expected: impl Into<String>) -> PredicateError {
        error(self.column(), self.peek().found(), expected)
    }

    fn count_node(&mut self) -> Parsed<()> {
        self.nodes += 1;
        match self.nodes > NODES_MAX {
            true => Err(self.error(format!("a predicate of at most {NODES_MAX} parts"))),
            false => Ok(()),
        }
    }

    /// An expression whose operators bind at least as strongly as `least`.
    fn expression(&mut self, least: u8) -> Parsed<Expression> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error(format!("a predicate nested at most {DEPTH_MAX} deep")));
        }
        let mut left = self.unary()?;
        let mut compared = false;
        while let Some((operator, strength)) = operator(self.peek()) {
            if strength < least {
                break;
            }
            if strength == COMPARISON && std::mem::replace(&mut compared, true) {
                return Err(self.error("&& or ||: comparisons do not chain"));
            }
            self.take();
            self.count_node()?;
            let right = self.expression(strength + 1)?;
            left = Expression::Pair(operator, Box::new(left), Box::new(right));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn unary(&mut self) -> Parsed<Expression> {
        self.count_node()?;
        let (not, negative) = (self.accept("!"), false);
        let negative = negative || (!not && self.accept("-"));
        if !not && !negative {
            return self.primary();
        }
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error(format!("a predicate nested at most {DEPTH_MAX} deep")));
        }
        let inner = Box::new(self.unary()?);
        self.depth -= 1;
        Ok(if not { Expression::Not(inner) } else { Expression::Negative(inner) })
    }

    fn primary(&mut self) -> Parsed<Expression> {
        match self.peek().clone() {
            Token::Number(value) => {
                self.take();
                Ok(Expression::Literal(value))
            }
            Token::Text(text) => {
                self.take();
                Ok(Expression::Literal(text.into()))
            }
            Token::Mark("(") => {
                self.take();
                let inner = self.expression(0)?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Mark("[") => {
                self.take();
                let mut list = Vec::new();
                while !self.accept("]") {
                    if !list.is_empty() {
                        self.expect(",")?;
                    }
                    list.push(self.expression(0)?);
                }
                Ok(Expression::List(list))
            }
            Token::Word(word) => self.word(&word),
            _ => Err(self.error("a name, a value or (")),
        }
    }

    fn word(&mut self, word: &str) -> Parsed<Expression> {
        match word {
            "true" | "false" => {
                self.take();
                Ok(Expression::Literal((word == "true").into()))
            }
            "null" => {
                self.take();
                Ok(Expression::Literal(Value::Null))
            }
            "time" => {
                self.take();
                Ok(Expression::Path(Path { keys: vec![Key::Name("time_us".into())] }))
            }
            "done" | "got" | "held" => {
                self.take();
                self.expect("(")?;
                let client = self.name_argument()?;
                self.expect(")")?;
                let keys = ["clients".into(), client, word.to_owned()].map(Key::Name);
                Ok(Expression::Path(Path { keys: keys.into() }))
            }
            "count" => self.count(),
            "size" | "sum" => {
                self.take();
                self.expect("(")?;
                let inner = Box::new(self.expression(0)?);
                self.expect(")")?;
                Ok(if word == "size" { Expression::Size(inner) } else { Expression::Sum(inner) })
            }
            "all" | "any" => self.quantified(word == "all"),
            "it" => match self.it {
                Some(shape) => {
                    self.take();
                    let mut keys = Vec::new();
                    match shape {
                        Some(shape) => self.steps(shape, &mut keys)?,
                        None if matches!(self.peek(), Token::Mark("." | "[")) => {
                            return Err(self.error("an operator or ): its parts are not known"));
                        }
                        None => {}
                    }
                    Ok(Expression::It(Path { keys }))
                }
                None => Err(self.error("it only behind the comma of all(list, ...) or any(...)")),
            },
            _ => {
                let mut keys = Vec::new();
                self.step(Shape::Object(&STATE), &mut keys).and_then(|shape| {
                    self.steps(shape, &mut keys)?;
                    Ok(Expression::Path(Path { keys }))
                })
            }
        }
    }

    fn count(&mut self) -> Parsed<Expression> {
        self.take();
        self.expect("(")?;
        let Token::Text(name) = self.peek().clone() else {
            return Err(self.error("the name of an event in quotes"));
        };
        if !NAMES.contains(&name.as_str()) {
            let mut error = self.error("the name of an event");
            error.near = nearest(&name, NAMES.iter().copied()).map(Into::into);
            return Err(error);
        }
        self.take();
        self.expect(")")?;
        Ok(Expression::Count(name))
    }

    fn quantified(&mut self, all: bool) -> Parsed<Expression> {
        self.take();
        self.expect("(")?;
        let list = Box::new(self.expression(0)?);
        let each = match self.accept(",") {
            true => {
                let outside = self.it.replace(self.element_shape(&list));
                let each = self.expression(0)?;
                self.it = outside;
                Some(Box::new(each))
            }
            false => None,
        };
        self.expect(")")?;
        Ok(Expression::Quantified { all, list, each })
    }

    /// The shape of the elements of a list, as far as it is known.
    fn element_shape(&self, list: &Expression) -> Option<Shape> {
        let (path, mut shape) = match list {
            Expression::Path(path) => (path, Shape::Object(&STATE)),
            Expression::It(path) => (path, self.it.flatten()?),
            _ => return None,
        };
        let mut mapped = false;
        for key in &path.keys {
            shape = match (key, shape) {
                (Key::Name(name), Shape::Object(object)) => object.field(name)?,
                (Key::Each, _) => {
                    mapped = true;
                    shape.element()?
                }
                _ => shape.element()?,
            };
        }
        if mapped { Some(shape) } else { shape.element() }
    }

    /// Everything behind a first name: `.name`, `.name(...)`, `[...]`.
    fn steps(&mut self, mut shape: Shape, keys: &mut Vec<Key>) -> Parsed<()> {
        loop {
            if self.accept(".") {
                shape = self.step(shape, keys)?;
            } else if self.accept("[") {
                let Some(element) = shape.element() else {
                    return Err(self.error(format!("no index into {}", shape.called())));
                };
                let named = matches!(shape, Shape::Map(_) | Shape::ValueMap);
                let key = self.key(named)?;
                keys.push(key);
                shape = element;
                self.expect("]")?;
            } else {
                return Ok(());
            }
        }
    }

    /// One name, and its arguments if it is a method.
    fn step(&mut self, shape: Shape, keys: &mut Vec<Key>) -> Parsed<Shape> {
        self.count_node()?;
        let Token::Word(name) = self.peek().clone() else {
            return Err(self.error("the name of a field"));
        };
        let Some(object) = shape.object() else {
            return Err(
                self.error(format!("an operator or the end: {} has no fields", shape.called()))
            );
        };
        let one = matches!(shape, Shape::Object(_));
        if object.called == "the Kafka side" && name == "partition" {
            return self.partition(keys);
        }
        if let Some(shape) = object.field(&name) {
            self.take();
            if !one {
                keys.push(Key::Each);
            }
            keys.push(Key::Name(name));
            return Ok(shape);
        }
        if matches!(shape, Shape::Map(_)) && self.is_key(&name, object) {
            self.take();
            keys.push(Key::Name(name));
            return Ok(shape.element().expect("a map has elements"));
        }
        let Some(into) = object.method(&name).filter(|_| one) else {
            return Err(self.unknown(&name, shape));
        };
        self.take();
        keys.push(Key::Name(into.into()));
        let shape = object.field(into).expect("a method looks into a field");
        self.expect("(")?;
        let key = self.key(matches!(shape, Shape::Map(_)))?;
        keys.push(key);
        self.expect(")")?;
        Ok(shape.element().expect("a method looks into a map or a list"))
    }

    /// `kafka.groups.g.lag`, as one would walk the JSON: the word picks one of many if something
    /// is asked of it, or if no field has a name like it.
    fn is_key(&self, name: &str, object: &Object) -> bool {
        match self.tokens.get(self.next + 1) {
            Some((Token::Mark("."), _)) => true,
            Some((Token::Mark("-"), _)) => false,
            _ => nearest(name, object.fields.iter().map(|(field, _)| *field)).is_none(),
        }
    }

    /// `kafka.partition("t", 0)`: short for `kafka.topic("t").partition(0)`.
    fn partition(&mut self, keys: &mut Vec<Key>) -> Parsed<Shape> {
        self.take();
        self.expect("(")?;
        let topic = self.name_argument()?;
        self.expect(",")?;
        let index = self.key(false)?;
        self.expect(")")?;
        let names = ["topics".into(), topic, "partitions".into()].map(Key::Name);
        keys.extend(names);
        keys.push(index);
        let topics = Shape::Object(&STATE).object().and_then(|state| state.field("kafka"));
        let shape = ["topics", "partitions"].iter().fold(topics, |shape, name| {
            shape.and_then(Shape::object).and_then(|object| object.field(name))
        });
        Ok(shape.and_then(Shape::element).expect("topics have partitions"))
    }

    /// What picks one of many: a name or a number.
    fn key(&mut self, named: bool) -> Parsed<Key> {
        if named {
            return self.name_argument().map(Key::Name);
        }
        match self.peek().clone() {
            Token::Number(value) if value.is_u64() => {
                self.take();
                Ok(Key::Index(value.as_u64().unwrap_or(u64::MAX) as usize))
            }
            _ => Err(self.error("a number from 0")),
        }
    }

    fn name_argument(&mut self) -> Parsed<String> {
        match self.peek().clone() {
            Token::Text(name) | Token::Word(name) => {
                self.take();
                Ok(name)
            }
            _ => Err(self.error("a name, in quotes if it is not one word")),
        }
    }

    fn unknown(&self, name: &str, shape: Shape) -> PredicateError {
        let object = shape.object().expect("only an object has unknown fields");
        let mut error = match object.called {
            "the state" => {
                self.error("a name such as kafka, rabbit, client, ledger, count or time")
            }
            _ => self.error(format!("a field of {}", object.called)),
        };
        let fields = object.fields.iter().map(|(field, _)| *field);
        let methods = object.methods.iter().map(|(method, _)| *method);
        let words = WORDS.iter().copied().filter(|_| object.called == "the state");
        error.near = nearest(name, fields.chain(methods).chain(words)).map(Into::into);
        error
    }
}

/// How strongly comparisons bind.
const COMPARISON: u8 = 3;

/// The operator that a token is, and how strongly it binds.
fn operator(token: &Token) -> Option<(Operator, u8)> {
    let Token::Mark(mark) = token else { return None };
    Some(match *mark {
        "||" => (Operator::Or, 1),
        "&&" => (Operator::And, 2),
        "==" => (Operator::Equal, COMPARISON),
        "!=" => (Operator::Unequal, COMPARISON),
        "<" => (Operator::Less, COMPARISON),
        "<=" => (Operator::LessOrEqual, COMPARISON),
        ">" => (Operator::Greater, COMPARISON),
        ">=" => (Operator::GreaterOrEqual, COMPARISON),
        "+" => (Operator::Plus, 4),
        "-" => (Operator::Minus, 4),
        "*" => (Operator::Times, 5),
        "/" => (Operator::Divided, 5),
        "%" => (Operator::Remainder, 5),
        _ => return None,
    })
}
