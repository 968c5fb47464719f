"""Wordings of the questions and answers of point_explanations, one pair of tuples for each type.

Most slots of the answers are words in tags with points. Regions, numbers and colours are plain words.
"""
BESIDE = (
    "What is {way} the {one}?", "Look at the {one}. What is {way} it?",
    "Which things are {way} the {one}?", "Tell me what you see {way} the {one}.",
    "Explain what is {way} the {one}.", "Is there anything {way} the {one}?",
    "Show me what is {way} the {one}.", "Name what is {way} the {one}.")
BESIDE_ANSWERS = (
    "{way} the {anchor} {there} {seen}.", "{there} {seen} {way} the {anchor}.",
    "I see {seen} {way} the {anchor}.", "Looking {way} the {anchor}, I find {seen}.",
    "What you see {way} the {anchor}: {seen}.")

LARGER = (
    "Which is larger, the {a} or the {b}?", "Is the {a} or the {b} the larger one?",
    "Compare the {a} and the {b} in size.", "The {a} and the {b}: which one is bigger?",
    "What is bigger, the {a} or the {b}?", "Does the {a} or the {b} take up more room?",
    "Of the {a} and the {b}, which is larger?", "Tell me which is bigger, the {a} or the {b}.")
LARGER_ANSWERS = (
    "The {large} is larger than the {small}.", "The {small} is smaller than the {large}.",
    "The {large} is the larger one: the {small} takes up less room.",
    "The {large} is the bigger of the two, and the {small} is the smaller.",
    "Of the two, the {large} is larger; the {small} is smaller.")

COUNT = (
    "How many {many} are there, and what colors are they?",
    "Count the {many} and say their colors.", "Tell me about the {many}.",
    "What colors are the {many}?", "Describe the {many}.", "The {many}: how many, and which colors?",
    "Go through the {many} one by one.", "What can you say about the {many}?")
COUNT_ANSWERS = (
    "There are {n} {many}: {each}.", "I count {n} {many}: {each}.",
    "All in all there are {n} {many}: {each}.", "The picture has {n} {many}: {each}.",
    "Of the {n} {many}, {each}.")

COVERED = (
    "What hides part of the {back}?", "Is anything in front of the {back}?",
    "Why can the {back} not be seen in full?", "What covers the {back}?",
    "Explain what is in front of the {back}.", "What is the {back} behind?",
    "Which thing is in front of the {back}?", "What is in the way of the {back}?")
COVERED_ANSWERS = (
    "The {front} hides part of the {behind}.", "The {behind} is partly behind the {front}.",
    "The {front} is in front of the {behind}.", "Part of the {behind} is covered by the {front}.")

READS = (
    "What is written in the picture?", "Is there any text?", "Which words can you read?",
    "Read what is written.", "What do the signs say?", "Do you see any letters?",
    "What text is there, and where?", "Point out the writing.")
READS_ANSWERS = ("{there} {signs}.", "I can see {signs}.", "The picture has {signs}.")
NO_TEXT = (
    "No text can be seen here.", "There is nothing to read here.", "I see no letters in the picture.",
    "Nothing is written here.")

SHARES_COLOR = (
    "What is {color} here?", "Which things are {color}?", "Name all that is {color}.",
    "Find everything {color}.", "What do you see that is {color}?", "List the {color} things.",
    "Show me what is {color}.", "Is anything {color}?")
SHARES_COLOR_ANSWERS = (
    "In {color} {there} {seen}.", "I see {seen} in {color}.", "What is {color} here: {seen}.",
    "I find {seen} in {color}.", "{there} {seen} in {color}.")

NOTHING = (
    "Where is the {one}?", "Can you show me the {one}?", "Is there {a_one}?",
    "Find the {one} for me.", "Point out the {one}, please.", "Show where the {one} is.",
    "Do you see {a_one}?", "I am looking for {a_one}.")
NOTHING_ANSWERS = (
    "There is no {one} here.", "I see no {one} in the picture.", "The picture has no {one}.",
    "There is none: no {one} can be seen.")
BUT = (" But there is {near} {at}.", " What I do see is {near} {at}.", " There is {near} {at}, though.")
